"""Ask a host to serve a revoked certificate no more: by itself, or again after the host refused."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.certificates.revoking import ask_for_removal
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import WrongState
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host


class RemoveDeployment(Command):
    """Ask for one removal."""

    deployment_id: str


def scope(command: RemoveDeployment, work: Work) -> Scope:
    """Aim at the team that owns the host."""
    deployment = work.load(Deployment, command.deployment_id)
    return Scope(work.refer(Host, deployment.host_id).team_id, command.deployment_id)


def handle(command: RemoveDeployment, work: Work) -> None:
    """Plan it; only a revoked certificate is taken out of service."""
    deployment = work.load(Deployment, command.deployment_id)
    if work.refer(Certificate, deployment.certificate_id).state != "revoked":
        raise WrongState("its certificate is not revoked", rule="removal-revoked", fix="revoke it with remove: true")
    host = work.refer(Host, deployment.host_id)
    host.must_be_active()
    ask_for_removal(work, deployment, team_id=host.team_id)


REMOVE_DEPLOYMENT = UseCase("deployments.remove", scope, handle)

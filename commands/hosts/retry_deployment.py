"""Retry a failed deployment: the agent gets the same certificate for the same target once more."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.hosts.rollout import resumed
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.errors import WrongState
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host


class RetryDeployment(Command):
    """Ask for another attempt."""

    deployment_id: str


def scope(command: RetryDeployment, work: Work) -> Scope:
    """Aim at the team that owns the host."""
    deployment = work.load(Deployment, command.deployment_id)
    return Scope(work.refer(Host, deployment.host_id).team_id, command.deployment_id)


def handle(command: RetryDeployment, work: Work) -> None:
    """Plan it again, while the certificate is good and the team's whose host it is, and an agent is there to do it."""
    deployment = work.load(Deployment, command.deployment_id)
    certificate = work.refer(Certificate, deployment.certificate_id)
    if certificate.team_id != work.refer(Host, deployment.host_id).team_id:
        raise WrongState(
            "the certificate is another team's by now", rule="certificate-moved", fix="order one of your own"
        )
    if certificate.state == "revoked":
        raise WrongState("its certificate is revoked", rule="certificate-state", fix="request a new one")
    work.refer(Host, deployment.host_id).must_be_active()
    deployment.retry(at=work.now)
    resumed(work, work.load(Order, deployment.order_id), deployment)


RETRY_DEPLOYMENT = UseCase("deployments.retry", scope, handle)

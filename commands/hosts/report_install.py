"""An agent reports what became of an installation: proven as served, or failed and why."""

from __future__ import annotations

from pydantic import Field

from commands.base import UseCase
from commands.certificates.revoking import ask_for_removal
from commands.hosts.on_task import TaskCommand, scope
from commands.hosts.rollout import advance, complete, settle, stopped
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.errors import InvalidInput
from domain.hosts.deployment import Deployment, Evidence, Stage


class ReportInstall(TaskCommand):
    """The result of an install task; either ``evidence`` of serving, or ``stage`` and ``detail`` of a failure."""

    evidence: tuple[Evidence, ...] = Field(default=(), max_length=64)
    previous: str | None = Field(default=None, max_length=64)
    stage: Stage | None = None
    detail: str = Field(default="", max_length=1_000)
    rolled_back: bool = False
    served_now: str | None = Field(default=None, max_length=64)


def handle(command: ReportInstall, work: Work) -> None:
    """Record it; when the last target is proven, the certificates that served there before are superseded.

    A replacement goes on to its next target, or stops here until the failure is mended or tried again. What was
    revoked while it was installed is a fact; it takes nobody's place, and is taken out of service again.
    """
    deployment = work.load(Deployment, command.deployment_id)
    command.must_be(deployment.task_id)
    if command.stage is not None:
        failure = command.model_dump(include={"stage", "detail", "rolled_back", "served_now"})
        deployment.report_failed(at=work.now, **failure)
        stopped(work, work.load(Order, deployment.order_id), deployment, f"deployment-{command.stage}")
        return
    _check_evidence(command, work, deployment)
    deployment.report_served(evidence=command.evidence, previous=command.previous, at=work.now)
    certificate = work.refer(Certificate, deployment.certificate_id)
    if certificate.state == "revoked":
        if deployment.remove_if_served and not _another_comes(work, deployment):
            ask_for_removal(work, deployment, team_id=certificate.team_id)
        return
    order = work.load(Order, deployment.order_id)
    fulfilled = order.target_served(deployment_id=deployment.id, all_targets=_all(order), at=work.now)
    if order.replaces:
        settle(work, order, deployment.host_id)
        advance(work, order)
    elif fulfilled:
        _supersede_former(work, order)


def _check_evidence(command: ReportInstall, work: Work, deployment: Deployment) -> None:
    """Refuse evidence that does not show exactly this certificate on every endpoint of the target."""
    fingerprint = work.refer(Certificate, deployment.certificate_id).fingerprint
    shown = {one.endpoint for one in command.evidence if one.sha256 == fingerprint}
    wanted = {f"{one.address}:{one.port}/{one.server_name}" for one in deployment.target.endpoints}
    if not wanted <= shown or any(one.sha256 != fingerprint for one in command.evidence):
        raise InvalidInput(
            "the evidence does not show this certificate on every endpoint",
            rule="evidence",
            fix="probe every endpoint of the target and report what is served",
        )


def _another_comes(work: Work, deployment: Deployment) -> bool:
    """Tell whether another certificate is about to take the place."""
    place = deployment.host_id, deployment.target.directory
    return any(one != deployment.id for one in work.services.reading.planned_at(place))


def _all(order: Order) -> frozenset[str]:
    return frozenset(
        Deployment.id_for(order.accepted[target.host_id], number)
        for number, target in enumerate(order.targets)
        if target.host_id in order.accepted
    )


def _supersede_former(work: Work, order: Order) -> None:
    """Supersede what served on the order's targets before, unless it still serves somewhere else."""
    reading = work.services.reading
    taken = {(target.host_id, target.spec.directory): order.accepted[target.host_id] for target in order.targets}
    for place, successor in taken.items():
        for former in reading.served_from(place):
            if former in order.accepted.values() or set(reading.places_of(former)) - set(taken):
                continue
            certificate = work.find(Certificate, former)
            if certificate is not None and certificate.state == "issued":
                certificate.supersede(by=successor, at=work.now)
                complete(work, former, by=successor)


REPORT_INSTALL = UseCase("agent.report-install", scope, handle)

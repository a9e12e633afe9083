"""An agent reports what became of a removal: proven to be gone, or served on and why."""

from __future__ import annotations

from pydantic import Field

from commands.base import UseCase
from commands.hosts.on_task import TaskCommand, scope
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import InvalidInput
from domain.hosts.deployment import Deployment, Evidence, Stage


class ReportRemoval(TaskCommand):
    """The result of a remove task: ``evidence`` of what is served instead, or ``stage`` and ``detail`` of a refusal."""

    evidence: tuple[Evidence, ...] = Field(default=(), max_length=64)
    stage: Stage | None = None
    detail: str = Field(default="", max_length=1_000)
    rolled_back: bool = False
    served_now: str | None = Field(default=None, max_length=64)


def handle(command: ReportRemoval, work: Work) -> None:
    """Record it; evidence that still shows the certificate proves nothing."""
    deployment = work.load(Deployment, command.deployment_id)
    command.must_be(deployment.removal_task_id)
    if command.stage is not None:
        told = command.model_dump(include={"stage", "detail", "rolled_back", "served_now"})
        deployment.refuse_removal(at=work.now, **told)
        return
    fingerprint = work.refer(Certificate, deployment.certificate_id).fingerprint
    if any(one.sha256 == fingerprint for one in command.evidence):
        raise InvalidInput(
            "the evidence shows that the certificate is served on",
            rule="evidence",
            fix="report a removal once no endpoint serves it",
        )
    deployment.report_removed(evidence=command.evidence, detail=command.detail, at=work.now)


REPORT_REMOVAL = UseCase("agent.report-removal", scope, handle)

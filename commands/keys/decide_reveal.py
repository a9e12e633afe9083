"""The second person of a reveal: approve exactly what was read, or reject it with a reason."""

from __future__ import annotations

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.context import Role
from commands.keys.request_reveal import must_be_a_person
from commands.work import Work
from domain.errors import Denied, InvalidInput
from domain.keys.reveal import Reveal


class RevealCommand(Command):
    """A command on one reveal."""

    reveal_id: str


class ApproveReveal(RevealCommand):
    """Approve the request whose hash the approver read."""

    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class RejectReveal(RevealCommand):
    """Reject it, or take it back; the reason travels in the context."""


def scope(command: RevealCommand, work: Work) -> Scope:
    """Aim at the team that owned the key when it was asked for."""
    return Scope(work.load(Reveal, command.reveal_id).team_id or None, command.reveal_id)


def handle_approve(command: ApproveReveal, work: Work) -> None:
    """Approve; neither the requester nor anybody who acts for the key's owner."""
    principal = work.context.principal
    must_be_a_person(principal)
    reveal = work.load(Reveal, command.reveal_id)
    if reveal.team_id in principal.teams(Role.DEVOPS):
        raise Denied(
            "who acts for the key's owner is no second person for it", rule="four-eyes", fix="ask somebody else"
        )
    reveal.approve(approver=principal.pseudonym, request_sha256=command.request_sha256, at=work.now)


def handle_reject(command: RejectReveal, work: Work) -> None:
    """Say no."""
    if not work.context.reason.strip():
        raise InvalidInput("a rejection needs a reason", rule="reason-missing", fix="say why")
    reveal = work.load(Reveal, command.reveal_id)
    reveal.reject(rejecter=work.context.principal.pseudonym, at=work.now)


APPROVE_REVEAL = UseCase("reveals.approve", scope, handle_approve)
REJECT_REVEAL = UseCase("reveals.reject", scope, handle_reject)

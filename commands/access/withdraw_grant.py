"""Withdraw a grant: whoever held the role by it loses it with their next request."""

from __future__ import annotations

from commands.access.rights import check_may_grant
from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.access.grant import Grant
from domain.errors import WrongState


class WithdrawGrant(Command):
    """Withdraw one grant."""

    grant_id: str


def scope(command: WithdrawGrant, _work: Work) -> Scope:
    """Name the grant for the record of a refusal."""
    return Scope(object_id=command.grant_id)


def handle(command: WithdrawGrant, work: Work) -> None:
    """Withdraw the grant; only an ADMIN withdraws SEC_OPS or ADMIN."""
    grant = work.load(Grant, command.grant_id)
    work.unchanged |= dict.fromkeys(check_may_grant(grant.role, work.context.principal), 1)
    if grant.role == "ROLE_ADMIN":
        _leave_another(work, command.grant_id)
    grant.withdraw(at=work.now)


def _leave_another(work: Work, grant_id: str) -> None:
    """Refuse to withdraw the last grant of ROLE_ADMIN; the one that is left must stay while this is decided."""
    for other_id in work.services.reading.admin_grants():
        if other_id != grant_id and not work.refer(Grant, other_id).withdrawn:
            return
    raise WrongState(
        "nobody would be left who can grant ROLE_ADMIN", rule="last-admin", fix="grant it to another group first"
    )


WITHDRAW_GRANT = UseCase("grants.withdraw", scope, handle)

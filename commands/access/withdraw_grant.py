"""Withdraw a grant: whoever held the role by it loses it with their next request."""

from __future__ import annotations

from commands.access.rights import check_may_grant
from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.access.grant import Grant


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
    grant.withdraw(at=work.now)


WITHDRAW_GRANT = UseCase("grants.withdraw", scope, handle)

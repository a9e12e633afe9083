"""Withdraw a grant: whoever held the role by it loses it with their next request."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.context import Role
from commands.work import Work
from domain.access.grant import Grant
from domain.errors import Denied


class WithdrawGrant(Command):
    """Withdraw one grant."""

    grant_id: str


def scope(command: WithdrawGrant, _work: Work) -> Scope:
    """Name the grant for the record of a refusal."""
    return Scope(object_id=command.grant_id)


def handle(command: WithdrawGrant, work: Work) -> None:
    """Withdraw the grant; only an ADMIN withdraws SEC_OPS or ADMIN."""
    grant = work.load(Grant, command.grant_id)
    grave = grant.role in {"ROLE_SEC_OPS", "ROLE_ADMIN"}
    if grave and not {Role.ADMIN, Role.SYSTEM} & work.context.principal.roles():
        raise Denied(f"{grant.role} is withdrawn by ROLE_ADMIN only", rule="grave-grant", fix="ask an administrator")
    grant.withdraw(at=work.now)


WITHDRAW_GRANT = UseCase("grants.withdraw", scope, handle)

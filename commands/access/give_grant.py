"""Grant a role to a group of an identity provider or to a machine client."""

from __future__ import annotations

from pydantic import Field

from commands.access.rights import check_may_grant
from commands.base import Command, UseCase, no_scope
from commands.work import Work
from domain.access.grant import Grant, GrantedRole, SubjectKind
from domain.access.team import Team


class GiveGrant(Command):
    """Bind a group or client of ``provider`` to a role; ROLE_DEVOPS needs a team, the others take none."""

    provider: str = Field(min_length=1, max_length=64, examples=["corporate"])
    subject_kind: SubjectKind = "group"
    subject: str = Field(min_length=1, max_length=256, examples=["/teams/shop/devops"])
    role: GrantedRole = Field(examples=["ROLE_DEVOPS"])
    team_id: str | None = None


def handle(command: GiveGrant, work: Work) -> None:
    """Grant the role; only an ADMIN grants SEC_OPS or ADMIN."""
    work.unchanged |= dict.fromkeys(check_may_grant(command.role, work.context.principal), 1)
    if command.team_id is not None:
        work.refer(Team, command.team_id)
    work.add(Grant.give(stream_id=work.new_id("grant"), at=work.now, **command.model_dump()))


GIVE_GRANT = UseCase("grants.give", no_scope, handle)

"""Create a team: the owner of hosts, orders and certificates."""

from __future__ import annotations

from pydantic import Field

from commands.base import Command, UseCase, no_scope
from commands.work import Work
from domain.access.team import Team
from domain.errors import AlreadyExists


class CreateTeam(Command):
    """Create a team with a name that no other team has."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", examples=["shop"])


def handle(command: CreateTeam, work: Work) -> None:
    """Create the team unless the name is taken."""
    if work.find(Team, Team.id_for(command.name)) is not None:
        raise AlreadyExists(f"there is a team {command.name} already", rule="team-name", fix="choose another name")
    work.add(Team.create(name=command.name, at=work.now))


CREATE_TEAM = UseCase("teams.create", no_scope, handle)

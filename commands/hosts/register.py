"""Register a host: a machine that belongs to a team, before any agent runs on it."""

from __future__ import annotations

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.access.team import Team
from domain.certificates.names import parse_host_name
from domain.errors import AlreadyExists
from domain.hosts.host import Host


class RegisterHost(Command):
    """Register a host under a DNS name that no other host has."""

    name: str = Field(min_length=1, max_length=253, examples=["web1.shop.test"])
    team_id: str


def scope(command: RegisterHost, _work: Work) -> Scope:
    """Aim at the team that is to own the host."""
    return Scope(team_id=command.team_id)


def handle(command: RegisterHost, work: Work) -> None:
    """Register the host unless the name is taken."""
    name = parse_host_name(command.name)
    work.refer(Team, command.team_id)
    if work.find(Host, Host.id_for(name)) is not None:
        raise AlreadyExists(f"the host name {name} is taken", rule="host-name", fix="choose another name")
    work.add(Host.register(name=name, team_id=command.team_id, at=work.now))


REGISTER_HOST = UseCase("hosts.register", scope, handle)

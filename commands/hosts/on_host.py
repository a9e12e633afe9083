"""What every command on an existing host shares: it is aimed at the host's team."""

from __future__ import annotations

from commands.base import Command, Scope
from commands.work import Work
from domain.hosts.host import Host


class HostCommand(Command):
    """A command on one host."""

    host_id: str


def scope(command: HostCommand, work: Work) -> Scope:
    """Aim at the host's team and, for its own agent, at the host."""
    host = work.load(Host, command.host_id)
    return Scope(host.team_id, command.host_id, command.host_id)

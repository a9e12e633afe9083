"""Disable a host: its agent is refused from here on, its tasks are gone."""

from __future__ import annotations

from commands.base import UseCase
from commands.hosts.on_host import HostCommand, scope
from commands.work import Work
from domain.hosts.host import Host


class DisableHost(HostCommand):
    """Disable one host for good."""


def handle(command: DisableHost, work: Work) -> None:
    """Disable it."""
    work.load(Host, command.host_id).disable(at=work.now)


DISABLE_HOST = UseCase("hosts.disable", scope, handle)

"""Confirm an agent's new key: with its first use the former one speaks for nobody any more."""

from __future__ import annotations

from commands.base import UseCase
from commands.hosts.on_host import HostCommand, scope
from commands.work import Work
from domain.hosts.host import Host


class ConfirmAgentKey(HostCommand):
    """Note the use of the key that this call proved."""


def handle(command: ConfirmAgentKey, work: Work) -> None:
    """End the former key, if there is one and this is the new one."""
    key = work.context.principal.authentication.key_sha256 or ""
    work.load(Host, command.host_id).has_used_key(key, at=work.now)


CONFIRM_AGENT_KEY = UseCase("agent.tasks", scope, handle)

"""An agent's own word on its state: only a change of safe mode is a fact, the rest is telemetry."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from commands.base import UseCase
from commands.hosts.on_host import HostCommand, scope
from commands.work import Work
from domain.hosts.host import Host


class ReportHeartbeat(HostCommand):
    """What the agent says of itself."""

    agent_version: str = Field(max_length=64)
    state: Literal["ok", "safe-mode"]
    detail: str = Field(default="", max_length=1_000)


def handle(command: ReportHeartbeat, work: Work) -> None:
    """Record a change of safe mode, if there is one."""
    work.load(Host, command.host_id).note_safe_mode(on=command.state == "safe-mode", at=work.now)


REPORT_HEARTBEAT = UseCase("agent.heartbeat", scope, handle)

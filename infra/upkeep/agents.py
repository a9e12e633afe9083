"""Signs of life are saved, and agents that fell silent or came back are noted."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from commands.hosts.watch_agents import AgentWatch
from infra.agents.presence import ViewsFleet
from infra.bootstrap import Backend
from infra.records.passing import forget_expired


class Agents:
    """The reaction; ``silent_for`` is how long an agent may be silent before it counts as offline."""

    def __init__(self, backend: Backend, silent_for: timedelta) -> None:
        self._backend = backend
        fleet = ViewsFleet(backend.views)
        self._watch = AgentWatch(backend.bus, fleet, backend.presence, backend.clock, silent_for)

    async def save(self) -> None:
        """Save what this process has heard: what a crash forgets is at most a minute old."""
        await asyncio.to_thread(self._backend.presence.save)

    async def react(self) -> None:
        """Save first, and so learn what other processes have heard."""
        await self.save()
        await asyncio.to_thread(forget_expired, self._backend.presence.records, self._backend.clock())
        await self._backend.caught_up()
        await self._watch.look()

"""Watch the agents: one that is silent for too long went offline; one that is heard again came back.

A silence is counted from the moment since which this process has listened without a pause. After a restart, a suspended
machine or a clock that was set, every agent gets the whole time again, so that nobody is alarmed by our own absence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.hosts.note_presence import NotePresence
from commands.ports.presence import Fleet, Presence, WatchedHost

PAUSE = timedelta(minutes=3)
"""Rounds that lie further apart than this are a pause of ours."""
_BREATHE_EVERY = 50


class AgentWatch:
    """The reaction; ``silent_for`` is how long an agent may be silent. Harmless in several processes: facts are once.

    ``silent_for`` must be several polls long: agents wait up to 30 s in one, and pause up to 300 s after failures.
    """

    def __init__(
        self, bus: Bus, fleet: Fleet, presence: Presence, clock: Callable[[], datetime], silent_for: timedelta
    ) -> None:
        self._bus, self._fleet, self._presence = bus, fleet, presence
        self._clock, self._silent_for = clock, silent_for
        self._looked: datetime | None = None
        self._listening_since = clock()

    async def look(self) -> int:
        """Record every change since the last look; returns how many."""
        now = self._clock()
        if self._looked is None or not timedelta(0) <= now - self._looked <= PAUSE:
            self._listening_since = now
        self._looked = now
        changes = 0
        for number, host in enumerate(self._fleet.watched()):
            changes += await self._judge(host, now)
            if number % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)  # a large fleet must not hold up the calls of the agents it consists of
        return changes

    async def _judge(self, host: WatchedHost, now: datetime) -> int:
        sign = self._presence.last(host.host_id)
        seen = min(sign.at, now) if sign else None  # a clock that was set back leaves signs of the future
        limit = now - self._silent_for
        if host.offline:
            if seen is None or seen <= max(limit, host.changed):
                return 0
        elif max(seen or host.changed, host.changed, self._listening_since) > limit:
            return 0
        command = NotePresence(host_id=host.host_id, heard=host.offline, last_seen=seen)
        await self._bus.execute(command, Context(SYSTEM, f"presence:{host.host_id}", purpose="agent-watch"))
        return 1

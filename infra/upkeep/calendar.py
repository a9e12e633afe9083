"""Dates that come near raise alarms, also where nothing happens."""

from __future__ import annotations

from commands.notices.watch_calendar import watch_calendar
from infra.bootstrap import Backend
from infra.notices.dates import ViewsDates


class Calendar:
    """The reaction."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._dates = ViewsDates(backend.views)

    async def react(self) -> None:
        """Look at the dates as the read models have them now."""
        await self._backend.caught_up()
        await watch_calendar(self._backend.bus, self._dates, self._backend.clock)

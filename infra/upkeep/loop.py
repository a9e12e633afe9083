"""The loop that runs reactions again and again: one that fails is logged and tried again, and the others go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from commands.ports.ledger import Entry
from domain.base import Event
from domain.errors import ClmError
from infra.ledger.sqlite import SqliteLedger

LOG = logging.getLogger(__name__)
EVERY_SECONDS = 60.0
COALESCE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Reaction:
    """One small thing that is done again and again, and harmless when done twice.

    ``wakes``: facts that start a round at once, instead of at the end of the minute.
    """

    name: str
    react: Callable[[], Awaitable[None]]
    wakes: tuple[type[Event], ...] = ()


@dataclass(slots=True)
class Record:
    """How a reaction has fared: rounds that went well and that did not, and when it last went well."""

    done: int = 0
    failed: int = 0
    succeeded: datetime | None = None
    problem: str = ""


@dataclass(slots=True)
class Upkeep:
    """Runs reactions one after another until told to stop.

    A fact that one of them waits for starts a round at once; those that follow within a second share it. ``records``
    stand still when this loop does: that is how an outsider sees it.
    """

    ledger: SqliteLedger
    reactions: Sequence[Reaction]
    clock: Callable[[], datetime]
    records: dict[str, Record] = field(default_factory=dict)
    _due: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event, *, every: float = EVERY_SECONDS) -> None:
        """React, wait, react."""
        ends = self.ledger.subscribe(partial(self._heard, asyncio.get_running_loop(), self._wakes()))
        try:
            while not stop.is_set():
                self._due.clear()
                for reaction in self.reactions:
                    await self._react(reaction)
                await self._pause(stop, every)
        finally:
            ends()

    def _wakes(self) -> frozenset[str]:
        return frozenset(event.TOPIC for reaction in self.reactions for event in reaction.wakes)

    async def _react(self, reaction: Reaction) -> None:
        record = self.records.setdefault(reaction.name, Record())
        try:
            await reaction.react()
        except ClmError as problem:
            record.failed, record.problem = record.failed + 1, problem.message
            LOG.warning("%s failed: %s", reaction.name, problem.message)
        except Exception as problem:  # whatever one of them meets, the others and the next round go on
            record.failed, record.problem = record.failed + 1, type(problem).__name__
            LOG.exception("%s failed", reaction.name)
        else:
            record.done, record.succeeded, record.problem = record.done + 1, self.clock(), ""

    async def _pause(self, stop: asyncio.Event, every: float) -> None:
        woken = [asyncio.create_task(event.wait()) for event in (stop, self._due)]
        done, _ = await asyncio.wait(woken, timeout=every, return_when=asyncio.FIRST_COMPLETED)
        if done and not stop.is_set():
            await asyncio.wait(woken[:1], timeout=COALESCE_SECONDS)
        for task in woken:
            task.cancel()

    def _heard(self, loop: asyncio.AbstractEventLoop, wakes: frozenset[str], entries: Sequence[Entry]) -> None:
        """Note, in the ledger's writer thread, that something is due."""
        if any(one.topic in wakes for entry in entries for one in entry.events):
            loop.call_soon_threadsafe(self._due.set)

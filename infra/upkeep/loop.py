"""The loop that runs reactions again and again: one that fails is logged and tried again, and the others go on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from commands.ports.ledger import Entry
from domain.base import Event
from domain.errors import ClmError

LOG = logging.getLogger(__name__)
EVERY_SECONDS = 60.0
COALESCE_SECONDS = 1.0


def _nothing_planned() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Reaction:
    """One small thing that is done again and again, and harmless when done twice.

    ``wakes``: facts after which it is done at once, instead of at the end of the minute. ``next``: when there will be
    something to do, as far as the reaction can know; None: nothing is planned. ``while_held``: it is
    done, too, while a restore with loss waits for people. ``everywhere``: it is about this process, so each does it;
    the others are done by the process whose turn it is.
    """

    name: str
    react: Callable[[], Awaitable[None]]
    wakes: tuple[type[Event], ...] = ()
    next: Callable[[], datetime | None] = _nothing_planned
    while_held: bool = False
    everywhere: bool = False


@dataclass(slots=True)
class Record:
    """How a reaction has fared: rounds that went well and that did not, and when it last went well.

    ``ended``: when its last round ended, however it went, on the monotonic clock, which nobody sets.
    """

    done: int = 0
    failed: int = 0
    succeeded: datetime | None = None
    problem: str = ""
    ended: float = 0.0


class Facts(Protocol):
    """Tells of every committed entry, whoever wrote it."""

    def subscribe(self, listener: Callable[[Sequence[Entry]], None]) -> Callable[[], None]:
        """Have ``listener`` told; returns what ends it."""


@dataclass(slots=True)
class Upkeep:
    """Runs reactions one after another until told to stop: each once a minute, when it is woken, and when it planned.

    Facts that follow within a second share one round. ``mine``: whether it is this process's turn, where several work
    on one ledger. ``records`` stand still when this loop does: that is how an outsider sees it.
    """

    ledger: Facts
    reactions: Sequence[Reaction]
    clock: Callable[[], datetime]
    records: dict[str, Record] = field(default_factory=dict)
    held: Callable[[], bool] = lambda: False
    mine: Callable[[], bool] = lambda: True
    _ran: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    _woken: set[str] = field(default_factory=set)
    _awake: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event, *, every: float = EVERY_SECONDS) -> None:
        """React, wait, react."""
        loop = asyncio.get_running_loop()
        ends = self.ledger.subscribe(partial(self._heard, loop))
        try:
            while not stop.is_set():
                self._awake.clear()
                for reaction in self.reactions:
                    if self._is_ours(reaction) and self._rest(reaction, every) <= 0:
                        self._woken.discard(reaction.name)
                        self._ran[reaction.name] = loop.time(), self.clock()
                        if reaction.while_held or not self.held():
                            await self._react(reaction)
                await self._pause(stop, every)
        finally:
            ends()

    def wake(self) -> None:
        """Do everything at once: this process's turn has begun."""
        self._ran.clear()
        self._awake.set()

    def _is_ours(self, reaction: Reaction) -> bool:
        return reaction.everywhere or self.mine()

    def _rest(self, reaction: Reaction, every: float) -> float:
        """Return the seconds until a reaction's turn; 0 or less: it is now.

        What was planned for a moment before its last turn and is still to be done waits for the usual one: it failed.
        """
        if reaction.name in self._woken or reaction.name not in self._ran:
            return 0
        ran, ran_at = self._ran[reaction.name]
        usual = ran + every - asyncio.get_running_loop().time()
        planned = reaction.next()
        if planned is None or planned <= ran_at:
            return usual
        return min(usual, (planned - self.clock()).total_seconds())

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
        finally:
            record.ended = time.monotonic()

    async def _pause(self, stop: asyncio.Event, every: float) -> None:
        """Wait for the next turn, or for a fact that wakes somebody; at least a second, which such facts share."""
        ours = filter(self._is_ours, self.reactions)
        turn = min((self._rest(reaction, every) for reaction in ours), default=every)
        woken = [asyncio.create_task(event.wait()) for event in (stop, self._awake)]
        least = min(every, COALESCE_SECONDS)
        await asyncio.wait(woken, timeout=max(turn, least), return_when=asyncio.FIRST_COMPLETED)
        if self._awake.is_set() and not stop.is_set():
            await asyncio.wait(woken[:1], timeout=least)
        for task in woken:
            task.cancel()

    def _heard(self, loop: asyncio.AbstractEventLoop, entries: Sequence[Entry]) -> None:
        """Note, in whichever thread tells it, that something is due."""
        topics = {one.topic for entry in entries for one in entry.events}
        names = {reaction.name for reaction in self.reactions if any(event.TOPIC in topics for event in reaction.wakes)}
        if names:
            loop.call_soon_threadsafe(self._wake, names)

    def _wake(self, names: set[str]) -> None:
        self._woken |= names
        self._awake.set()

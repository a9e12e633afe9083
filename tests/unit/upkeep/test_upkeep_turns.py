"""Each reaction has its own turn: once a minute, when it is woken, and when it planned to; a failure waits its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.certificates.certificate import Certificate
from infra.upkeep.loop import Reaction, Upkeep

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


class NoLedger:
    """A ledger that tells its listener what a test says."""

    def __init__(self) -> None:
        self.tell: Callable[[Any], None] = lambda _: None

    def subscribe(self, listener: Callable[[Any], None]) -> Callable[[], None]:
        """Take the one listener."""
        self.tell = listener
        return lambda: None


def going_on() -> Callable[[], datetime]:
    """Return a clock that is at noon now, and goes on."""
    began = time.monotonic()
    return lambda: NOW + timedelta(seconds=time.monotonic() - began)


class Stored:
    """An entry with one event."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.events = (self,)


class Turns:
    """An upkeep whose reactions count; it ends after so many turns of the one named ``ends``."""

    def __init__(self) -> None:
        self.stop, self.ledger = asyncio.Event(), NoLedger()
        self.order: list[str] = []

    def reaction(self, name: str, *, ends_at: int = 0, **more: Any) -> Reaction:
        """Return a reaction that notes its turn."""

        async def react() -> None:
            self.order.append(name)
            if self.order.count(name) == ends_at:
                self.stop.set()

        return Reaction(name, react, **more)

    async def run(self, *reactions: Reaction, every: float) -> list[str]:
        """Run until the end; returns whose turns there were, in order."""
        upkeep = Upkeep(self.ledger, reactions, going_on())
        await asyncio.wait_for(upkeep.run(self.stop, every=every), timeout=20)
        return self.order


async def test_a_fact_wakes_only_who_waits_for_it():
    """The others keep their minute: what is woken often costs no more than itself."""
    turns = Turns()

    async def revoked() -> None:
        turns.order.append("first")
        turns.ledger.tell([Stored(Certificate.Revoked.TOPIC)])

    crls = turns.reaction("crls", ends_at=2, wakes=(Certificate.Revoked,))

    assert ["first", "crls", "crls"] == await turns.run(Reaction("first", revoked), crls, every=3_600)


async def test_what_is_planned_is_done_then():
    """A reaction that knows its next moment gets its turn at it, and no other does."""
    turns = Turns()
    soon = turns.reaction("soon", ends_at=2, next=lambda: NOW + timedelta(seconds=0.5))

    assert ["soon", "usual", "soon"] == await turns.run(soon, turns.reaction("usual"), every=3_600)


async def test_what_was_planned_and_failed_waits_for_the_usual_turn():
    """A moment that lies before the last turn makes no loop hot."""
    turns = Turns()
    overdue = turns.reaction("overdue", next=lambda: NOW - timedelta(days=400))
    usual = turns.reaction("usual", ends_at=3)

    order = await turns.run(overdue, usual, every=0.01)

    assert order.count("overdue") <= order.count("usual")

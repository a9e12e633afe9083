"""The installation's clock: when its time was in doubt, and which person said what time it is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.errors import WrongState
from domain.ids import derived_id

Cause = Literal["jumped", "before-last-entry", "long-gap"]
"""While running the wall clock left the monotonic one; at start it lay before the last entry, or far behind it."""

Right = Literal["wall", "trusted"]


class Clock(Aggregate):
    """One stream for ever: every time the wall clock was in doubt, and how that ended.

    ``doubt`` is None while nobody doubts it, ``offset`` by how much a person said the wall clock is wrong (wall minus
    truth), ``jump`` how far the wall clock lay from the trusted time in the last incident.
    """

    def __init__(self) -> None:
        self.doubt: Cause | None = None
        self.offset = timedelta(0)
        self.jump = timedelta(0)

    class Watched(base.Created):
        """The clock was in doubt for the first time."""

        TOPIC: ClassVar[str] = "sslclm.clock.watched.v1"

    class Suspected(Event):
        """Wall clock and trusted time differ too much; nothing is issued or renewed until that ends."""

        TOPIC: ClassVar[str] = "sslclm.clock.suspected.v1"
        cause: Cause
        wall: Timestamp
        trusted: Timestamp

        def apply(self, clock: Clock) -> None:
            clock.doubt, clock.jump = self.cause, self.wall - self.trusted

    class Confirmed(Event):
        """A person said which of the two is right."""

        TOPIC: ClassVar[str] = "sslclm.clock.confirmed.v1"
        right: Right
        wall: Timestamp
        trusted: Timestamp

        def apply(self, clock: Clock) -> None:
            clock.doubt = None
            clock.offset = self.wall - self.trusted if self.right == "trusted" else timedelta(0)

    class Returned(Event):
        """The wall clock came back to the trusted time by itself."""

        TOPIC: ClassVar[str] = "sslclm.clock.returned.v1"
        wall: Timestamp
        trusted: Timestamp

        def apply(self, clock: Clock) -> None:
            clock.doubt, clock.offset = None, timedelta(0)

    @staticmethod
    def the_id() -> str:
        """Return the id of the one clock."""
        return derived_id("clock", "clock")

    def suspected(self, *, cause: Cause, wall: datetime, trusted: datetime, at: datetime) -> None:
        """Record an incident, once."""
        if self.doubt is None:
            self.record(self.Suspected, at=at, cause=cause, wall=wall, trusted=trusted)

    def returned(self, *, wall: datetime, trusted: datetime, at: datetime) -> None:
        """Record that an incident ended by itself."""
        if self.doubt is not None:
            self.record(self.Returned, at=at, wall=wall, trusted=trusted)

    def confirm(self, *, right: Right, wall: datetime, trusted: datetime, at: datetime) -> None:
        """Record a person's word."""
        if self.doubt is None:
            raise not_suspect()
        self.record(self.Confirmed, at=at, right=right, wall=wall, trusted=trusted)


def not_suspect() -> WrongState:
    """Return the error of confirming a time that nobody doubts."""
    return WrongState(
        "nobody doubts the clock", rule="clock-not-suspect", fix="nothing is to do; look: sslclm clock show"
    )

"""The guarded clock: the wall clock while it can be believed, else an estimate that only ever goes on.

::

    wall ────────┐
    steady ──────┼──▶ judge ──▶ agree (<= 60 s apart): the wall clock
    last entry ──┘              else *suspect*: last trusted time + elapsed steady time, until a person confirms
                                one of the two, or the wall clock comes back by itself

The steady clock is Linux's ``CLOCK_BOOTTIME``, which goes on while the machine sleeps. Elsewhere it is Python's
monotonic clock, which may stand still in sleep: waking then looks like a jump of the wall clock, and somebody is
asked. A paused virtual machine looks the same everywhere.

A doubt that one process records holds all of them, until the one that found it finds the clocks in agreement again, or
a person has spoken. A process that begins while there is one takes it up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from commands.ports.gate import Times
from commands.ports.ledger import Ledger, StoredEvent
from commands.stored import event_of
from domain.continuity.clock import Cause, Clock
from domain.moments import moment_of

WallClock = Callable[[], datetime]
_NONE = timedelta(0)


def utc_now() -> datetime:
    """Return the machine's wall clock."""
    return datetime.now(UTC)


def steady_seconds() -> float:
    """Return seconds since some moment in the past, never set by anybody; sleep counts where the system can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the wall clock may be from the trusted time between two looks, and behind the last entry at start."""

    jump: timedelta = timedelta(seconds=60)
    gap: timedelta = timedelta(days=31)


class GuardedClock:
    """A clock for the whole backend; call it for the time. Any thread may.

    ``limits`` None: ``wall`` is believed whatever it says (a test's own clock).
    """

    def __init__(
        self, wall: WallClock = utc_now, steady: Callable[[], float] = steady_seconds, limits: Limits | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._watched = limits is not None
        self._wall, self._steady, self._lock = wall, steady, Lock()
        self._trusted, self._at = wall(), steady()
        self._doubt: Cause | None = None
        self._told: Cause | None = None  # the doubt on record, which another process may have found
        self._ours = False  # whether this process found it, or took it up: then this one also ends it
        self._offset, self._version = _NONE, 0

    def __call__(self) -> datetime:
        """Return the trusted time."""
        return self.times().trusted

    def times(self) -> Times:
        """Look at both clocks now."""
        with self._lock:
            wall, steady = self._wall(), self._steady()
            if not self._watched:
                return Times(wall, wall)
            expected = self._trusted + timedelta(seconds=max(0.0, steady - self._at))
            self._trusted, self._at = self._judge(wall, expected), steady
            self._ours = self._ours or self._doubt is not None
            return Times(wall, self._trusted, self._doubt or (None if self._ours else self._told))

    def _judge(self, wall: datetime, expected: datetime) -> datetime:
        """Return the trusted time; it stands still, rather than go back, while the wall clock is a little behind."""
        for offset in (_NONE, self._offset):
            if abs(wall - offset - expected) <= self.limits.jump:
                self._doubt, self._offset = None, offset
                return max(self._trusted, wall - offset)
        self._doubt = self._doubt or "jumped"
        return expected

    def begin(self, ledger: Ledger) -> None:
        """Compare the wall clock with the last entry, and take up a doubt that an earlier process left."""
        if not self._watched or not ledger.head().position:
            return
        stream = ledger.stream(Clock.the_id())
        self._version = stream[-1].stream_version if stream else 0
        left, last = Clock.replay(map(event_of, stream)), _last_moment(ledger)
        with self._lock:
            wall = self._wall()
            self._told = left.doubt if left else None
            self._ours = self._told is not None
            if left is not None and (left.doubt or left.offset):
                self._resume(left, wall, last)
            else:
                self._doubt = _doubt_at_start(wall - last, self.limits)
                self._trusted = last if self._doubt else max(last, wall)

    def _resume(self, left: Clock, wall: datetime, last: datetime) -> None:
        """Go on from a doubt, or from a wall clock that a person called wrong."""
        since = wall - last
        if _is_back(since, left.jump, self.limits):
            self._trusted = max(last, wall)
        elif left.doubt is None and _is_back(since - left.offset, left.offset, self.limits):
            self._offset, self._trusted = left.offset, max(last, wall - left.offset)
        else:
            self._doubt, self._trusted = left.doubt or "jumped", last

    def hear(self, events: Iterable[StoredEvent]) -> None:
        """Believe what a person said, and share a doubt, of this process or another one; each word counts once."""
        for stored in events:
            if stored.stream_id == Clock.the_id() and stored.stream_version > self._version:
                self._version = stored.stream_version
                said = event_of(stored)
                self._told = said.cause if isinstance(said, Clock.Suspected) else None
                if self._told is None:
                    self._ours = False
                if isinstance(said, Clock.Confirmed):
                    self._settle(said)

    def catch_up(self, ledger: Ledger) -> None:
        """Hear what was said in other processes since."""
        self.hear(ledger.stream(Clock.the_id(), after=self._version))

    def _settle(self, said: Clock.Confirmed) -> None:
        with self._lock:
            if said.right == "wall":
                self._trusted, self._at, self._offset, self._doubt = self._wall(), self._steady(), _NONE, None
            else:
                self._offset = said.wall - said.trusted  # the next look finds the two clocks in agreement by it


def guarded(clock: WallClock) -> GuardedClock:
    """Return the backend's clock: the machine's own is guarded, another one believed unless it is guarded already."""
    if isinstance(clock, GuardedClock):
        return clock
    return GuardedClock(limits=Limits()) if clock is utc_now else GuardedClock(clock)


def _doubt_at_start(since: timedelta, limits: Limits) -> Cause | None:
    if since < -limits.jump:
        return "before-last-entry"
    return "long-gap" if since > limits.gap else None


def _is_back(since: timedelta, jump: timedelta, limits: Limits) -> bool:
    """Tell whether a wall clock that had jumped is right again, by the time since the last entry.

    Across a restart nothing counts the time between. A clock that was ahead counts as right again when it lies nearer
    to the last entry than to where it had jumped, one that was behind when it is no longer before the last entry.
    """
    return -limits.jump <= since <= limits.gap and (jump < _NONE or since < jump / 2)


def _last_moment(ledger: Ledger) -> datetime:
    """Return the time of the newest entry by its own events.

    What a person confirmed may lie before ``recorded_at``, which never goes back: so the event's own time counts.
    """
    entry = ledger.entries(ledger.head().position)[-1]
    told = json.loads(entry.events[-1].state).get("timestamp")
    try:
        return datetime.fromisoformat(told)
    except (TypeError, ValueError):
        return moment_of(entry.recorded_at_us)

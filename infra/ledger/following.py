"""Every committed entry, whoever wrote it, told to this process's listeners in order and without gaps.

::

    this process's writer ── hands its entries over ──┐
    another process ── hint, or a look ──▶ thread ────┼──▶ listeners: clock, gate, grants, counts, upkeep, courier
    whoever decides at the head ── caught_up() ───────┘

A hint that is missed costs latency only: :meth:`Following.caught_up` asks the ledger itself, so that what is decided
after it knows of everything that was acknowledged before, in any process.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from commands.ports.ledger import Entry, Head, LedgerError
from domain.errors import ClmError
from infra.ledger.schema import connect
from infra.logs import request_id

LOOK_SECONDS = 0.1
"""How often the thread looks for what others have written, where looking is cheap."""
_RETRY_SECONDS = 1.0

Listener = Callable[[Sequence[Entry]], None]
_log = logging.getLogger(__name__)
_seen_by: ContextVar[str] = ContextVar("seen_by", default="")


class Followed(Protocol):
    """What is followed."""

    def head(self) -> Head:
        """Return where the chain ends."""

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return whole entries from a position on."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hand over what this process commits, before its callers are told; returns what ends it."""


class Following:
    """Follows a ledger from where it ends when this is made, in one thread, until :meth:`close`.

    ``moved`` tells the thread cheaply whether there may be more; :meth:`hint` may be called as well, from anywhere.
    Listeners are called by whichever thread is first to know, one call at a time: they take note, and return.
    """

    def __init__(self, ledger: Followed, moved: Callable[[], bool] = lambda: True) -> None:
        self._ledger, self._moved = ledger, moved
        self._listeners: tuple[Listener, ...] = ()
        self._turn = threading.RLock()
        self._bell = threading.Condition()
        self._rung = self._closed = False
        self._position = ledger.head().position
        self._ends = ledger.subscribe(self._handed)
        self._thread = threading.Thread(target=self._run, name="following", daemon=True)
        self._thread.start()

    @property
    def position(self) -> int:
        """Position of the last event that listeners have heard of."""
        return self._position

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` told of every entry from here on; returns what ends it."""
        with self._turn:
            self._listeners = (*self._listeners, listener)

        def end() -> None:
            with self._turn:
                self._listeners = tuple(known for known in self._listeners if known != listener)

        return end

    def head(self) -> Head:
        """Return where the chain ends."""
        return self._ledger.head()

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return whole entries from a position on."""
        return self._ledger.entries(first_position, limit=limit)

    def caught_up(self) -> int:
        """Tell listeners all that the ledger holds now, whoever wrote it; returns the position. One look a request.

        Raises :class:`commands.ports.ledger.LedgerError` where the ledger cannot be read.
        """
        request = request_id()
        if request and _seen_by.get() == request:
            return self._position  # what came after this request began, came while it was under way
        head = self._ledger.head().position
        if head > self._position:
            self._read_to(head)
        _seen_by.set(request)
        return self._position

    def hint(self) -> None:
        """Say that there may be more; any thread may."""
        with self._bell:
            self._rung = True
            self._bell.notify()

    def close(self) -> None:
        """Stop following."""
        self._ends()
        with self._bell:
            self._closed = True
            self._bell.notify()
        self._thread.join()

    def _handed(self, entries: Sequence[Entry]) -> None:
        """Take what this process has committed; where it does not follow, or others are at it, the thread reads."""
        if self._turn.acquire(blocking=False):
            try:
                if entries[0].first_position == self._position + 1:
                    self._tell(entries)
                    return
            finally:
                self._turn.release()
        self.hint()

    def _read_to(self, head: int) -> None:
        with self._turn:
            while self._position < head and (entries := self._ledger.entries(self._position + 1)):
                self._tell(entries)

    def _tell(self, entries: Sequence[Entry]) -> None:
        for listener in self._listeners:
            try:
                listener(entries)
            except Exception:  # noqa: BLE001 - one listener's fault must not keep the others from hearing
                _log.exception("a listener failed at position %d", entries[0].first_position)
        self._position = entries[-1].last_position

    def _run(self) -> None:
        while self._waited(LOOK_SECONDS):
            try:
                if self._rung or self._moved():
                    self._rung = False
                    self._read_to(self._ledger.head().position)
            except (LedgerError, ClmError) as problem:
                _log.warning("the ledger cannot be followed now: %s", problem)
                self._waited(_RETRY_SECONDS)

    def _waited(self, seconds: float) -> bool:
        """Wait for a hint, at most so long; False: it is over."""
        with self._bell:
            self._bell.wait_for(lambda: self._rung or self._closed, seconds)
            return not self._closed


class DataVersion:
    """Tells whether anybody has committed to a SQLite file since the last look; for one thread, microseconds each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._known = -1

    def __call__(self) -> bool:
        """Look; what cannot be looked at may have moved."""
        try:
            self._connection = self._connection or connect(self._path, read_only=True)
            version = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            self._connection = None
            return True
        moved, self._known = version != self._known, version
        return moved

"""The one writer of the read models: folds the ledger's entries in batches and says how it fares."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from commands.ports.ledger import Entry, Head, LedgerError
from domain.errors import Unavailable
from infra.views.database import Mark, open_writer, read_mark, transaction, write_mark
from infra.views.fold import Batch, Routes
from infra.views.rebuild import Cancelled, rebuild, stale
from infra.views.sqlite import SqliteViews
from infra.views.wakeups import ANYTHING
from projections.base import Projection

BATCH = 500
"""Most entries of one transaction."""
_KEPT = 5_000
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_LINGER_SECONDS = 0.05
"""Under load, how long a batch may wait for more, where nobody asked for a position that is not folded yet."""

State = Literal["new", "building", "running", "waiting", "stopped"]
Listener = Callable[[Mapping[str, frozenset[str]]], None]

log = logging.getLogger(__name__)


class FollowedLedger(Protocol):
    """What the runner needs of a ledger: the read side of ``commands.ports.ledger.Ledger`` and the hand-over."""

    def head(self) -> Head:
        """Return where the chain ends."""

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return whole entries from a position on."""

    def subscribe(self, callback: Callable[[Sequence[Entry]], None]) -> Any:
        """Hand each group of committed entries over, in order, from the writer's thread."""


class HistoryChanged(Exception):
    """The ledger's next entry does not follow the last one that was folded."""


@dataclass(frozen=True, slots=True)
class Health:
    """How the runner fares: ``waiting`` = the ledger cannot be read now; ``stopped`` = somebody has to look.

    ``position``: last folded; ``skipped``: events of topics that this version does not know; ``error``: what stopped
    it or makes it wait (class and sentence, no data of an event).
    """

    state: State
    position: int
    lag: int
    skipped: int
    error: str


class Runner:
    """Follows a ledger in one thread and writes all models and their position in one transaction per batch."""

    def __init__(self, ledger: FollowedLedger, views: SqliteViews, *, batch: int = BATCH) -> None:
        self._ledger, self._views, self._batch = ledger, views, batch
        self._routes = Routes(views.models)
        self._handed: deque[Entry] = deque()
        self._bell = threading.Condition()
        self._stopping = False
        self._listeners: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._subscribed = False
        self._state: State = "new"
        self._error = ""
        self._skipped = 0
        self._seen = 0
        self._last = 1
        self._lingering = False
        views.progress.ring = self._ring

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` in the runner's thread after each batch with model -> values of its ``wakes`` column."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Start following; a runner that was stopped, or stopped itself, starts again from its stored position."""
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError("the runner runs already")
        self._stopping, self._error, self._state = False, "", "building"
        self._views.progress.stopped(yes=False)
        if not self._subscribed:
            self._ledger.subscribe(self.hand_over)
            self._subscribed = True
        self._thread = threading.Thread(target=self._run, name="views", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present batch and end the thread."""
        with self._bell:
            self._stopping = True
            self._bell.notify_all()
        if self._thread is not None:
            self._thread.join()

    def hand_over(self, entries: Sequence[Entry]) -> None:
        """Take entries that were just committed; called by the ledger's writer, never blocks for long."""
        with self._bell:
            if entries:
                self._seen = max(self._seen, entries[-1].last_position)
            if len(self._handed) > _KEPT:
                self._handed.clear()  # the runner is far behind: it reads the gap from the ledger
            self._handed.extend(entries)
            if not self._lingering or self._in_haste():
                self._bell.notify_all()

    def health(self) -> Health:
        """Return how the runner fares now."""
        position = self._views.position
        return Health(self._state, position, max(0, self._seen - position), self._skipped, self._error)

    def rebuild(self, *models: Projection[Any]) -> None:
        """Build models anew beside the current ones and swap, in the caller's thread; reads and folding go on."""
        rebuild(self._ledger, self._views.path, models, cancelled=lambda: self._stopping)

    def _run(self) -> None:
        db = open_writer(self._views.path)
        try:
            self._prepare(db)
            while not self._stopping:
                self._step(db)
            self._state = "stopped"
        except Cancelled:
            self._state = "stopped"
        except Exception as error:
            # Nobody above this thread could answer: say it loudly, keep it for the health page, go no further.
            log.exception("the views' runner stopped at position %d", self._views.position)
            self._error = f"{type(error).__name__}: {error}"
            self._state = "stopped"
        finally:
            db.close()
            self._views.progress.stopped(yes=True)

    def _prepare(self, db: sqlite3.Connection) -> None:
        self._seen = self._ledger.head().position
        models = stale(self._ledger, db, self._views.models)
        if models:
            self._skipped = rebuild(self._ledger, self._views.path, models, cancelled=lambda: self._stopping)
        self._views.progress.advance(read_mark(db).position)
        self._state = "running"
        self._tell(self._anything())

    def _step(self, db: sqlite3.Connection) -> None:
        try:
            entries = self._next(self._views.position)
        except (LedgerError, OSError, sqlite3.OperationalError, Unavailable) as error:
            self._state, self._error = "waiting", f"{type(error).__name__}: {error}"
            self._pause(_RETRY_SECONDS)
            return
        self._state, self._error = "running", ""
        if entries:
            self._write(db, entries)

    def _next(self, position: int) -> Sequence[Entry]:
        """Return the entries after a position, handed over or read; wait a moment where there are none."""
        with self._bell:
            if not self._handed and self._seen <= position and not self._stopping:
                self._bell.wait(_LOOK_SECONDS)
            self._linger()
            while self._handed and self._handed[0].last_position <= position:
                self._handed.popleft()
            if self._handed and self._handed[0].first_position == position + 1:
                return self._take()
        return self._ledger.entries(position + 1, limit=self._batch)

    def _linger(self) -> None:
        # Under load a transaction per hand-over costs more than its rows: wait once for more, unless somebody waits.
        if self._last > 1 and self._handed and not self._in_haste():
            self._lingering = True
            self._bell.wait_for(self._in_haste, _LINGER_SECONDS)
            self._lingering = False

    def _in_haste(self) -> bool:
        return self._stopping or self._views.progress.awaited or len(self._handed) >= self._batch

    def _take(self) -> list[Entry]:
        # Only what follows: between two hand-overs may lie what another process appended.
        taken = [self._handed.popleft()]
        while (
            self._handed and len(taken) < self._batch and self._handed[0].first_position == taken[-1].last_position + 1
        ):
            taken.append(self._handed.popleft())
        self._last = len(taken)
        return taken

    def _write(self, db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        with transaction(db, write=True):
            mark = read_mark(db)
            if mark.position == self._views.position:
                woken, mark = self._fold(db, mark, entries)
            else:  # another process folded meanwhile: go on from where it came to
                woken = self._anything()
        self._views.progress.advance(mark.position)
        self._seen = max(self._seen, mark.position)
        self._tell(woken)

    def _anything(self) -> Mapping[str, frozenset[str]]:
        return {model.name: frozenset((ANYTHING,)) for model in self._views.models if model.wakes}

    def _tell(self, woken: Mapping[str, frozenset[str]]) -> None:
        if woken:
            for listener in self._listeners:
                listener(woken)

    def _fold(
        self, db: sqlite3.Connection, mark: Mark, entries: Sequence[Entry]
    ) -> tuple[Mapping[str, frozenset[str]], Mark]:
        check_chain(mark, entries)
        batch = Batch(self._views.catalogue.current(db), self._routes, db)
        batch.fold(entries)
        woken = batch.flush()
        self._skipped += batch.skipped
        following = Mark(entries[-1].last_position, entries[-1].entry_hash)
        write_mark(db, following)
        return woken, following

    def _ring(self) -> None:
        with self._bell:
            self._bell.notify_all()

    def _pause(self, seconds: float) -> None:
        with self._bell:
            self._bell.wait_for(lambda: self._stopping, seconds)


def check_chain(mark: Mark, entries: Sequence[Entry]) -> None:
    """Raise HistoryChanged unless the entries follow the mark and each other without a gap."""
    position, entry_hash = mark.position, mark.entry_hash
    for entry in entries:
        if entry.first_position != position + 1 or entry.prev_hash != entry_hash:
            raise HistoryChanged(f"the entry at position {entry.first_position} does not follow position {position}")
        position, entry_hash = entry.last_position, entry.entry_hash

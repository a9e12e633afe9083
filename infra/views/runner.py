"""The one writer of the read models: folds the ledger's entries in batches and says how it fares."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from commands.ports.ledger import Entry, Head, LedgerError
from domain.errors import Unavailable
from infra.views.fold import Batch, FoldError, Routes, woken
from infra.views.intake import Intake
from infra.views.leasing import Leased
from infra.views.rebuild import LEASE as BUILD
from infra.views.rebuild import LEASE_SECONDS as BUILD_SECONDS
from infra.views.rebuild import Cancelled, rebuild, stale
from infra.views.store import Mark, Overtaken, Superseded, Turn, Writer
from infra.views.views import StoredViews
from infra.views.wakeups import ANYTHING
from projections.base import Projection

BATCH = 500
"""Most entries of one transaction."""
_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 1.0
LEASE, LEASE_SECONDS = "fold", 3.0
"""Who folds, of several processes; a process that died is followed by another one after that time at the latest."""
_SLOWLY_SECONDS, _QUICKLY_SECONDS = 0.05, 0.003
"""How often a process that does not fold looks whether another did: with nobody waiting, and with somebody."""
_PATIENCE_SECONDS = 0.3
"""So long a process that knows of more leaves it to another one to fold, while the position stands still."""

State = Literal["new", "building", "running", "waiting", "stopped"]
Told = Mapping[str, frozenset[str]]
Listener = Callable[[Told], None]

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
    """Follows a ledger in one thread and writes all models and their position in one transaction per batch.

    Of several processes on one store one folds, and the others look how far it has come; a lease says which. It is a
    hint: a process that sees no progress folds without it, and the position decides whose batch counts.
    """

    def __init__(self, ledger: FollowedLedger, views: StoredViews, *, batch: int = BATCH) -> None:
        self._ledger, self._views, self._batch = ledger, views, batch
        self._routes = Routes(views.models)
        self._intake = Intake(views.progress, batch)
        self._listeners: list[Listener] = []
        self._thread: threading.Thread | None = None
        self._subscribed = False
        self._state: State = "new"
        self._error = ""
        self._skipped = 0
        self._leads, self._asked, self._moved = False, float("-inf"), 0.0
        views.progress.ring = self._intake.ring
        self.hand_over = self._intake.hand_over

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` in the runner's thread after each batch with model -> values of its ``wakes`` column."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Start following; a runner that was stopped, or stopped itself, starts again from its stored position."""
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError("the runner runs already")
        self._intake.stopping, self._error, self._state = False, "", "building"
        self._views.progress.stopped(yes=False)
        if not self._subscribed:
            self._ledger.subscribe(self.hand_over)
            self._subscribed = True
        self._thread = threading.Thread(target=self._run, name="views", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the present batch and end the thread."""
        self._intake.stop()
        if self._thread is not None:
            self._thread.join()

    def health(self) -> Health:
        """Return how the runner fares now."""
        position = self._views.position
        return Health(self._state, position, max(0, self._intake.seen - position), self._skipped, self._error)

    def rebuild(self, *models: Projection[Any]) -> None:
        """Build models anew beside the current ones and swap, in the caller's thread; reads and folding go on."""
        self._build(models)

    def _run(self) -> None:
        try:
            self._attempt(self._prepare)
            with contextlib.closing(self._views.store.writer()) as writer:
                while not self._intake.stopping:
                    self._attempt(lambda: self._step(writer))
        except Cancelled:
            pass
        except Exception as error:
            # Nobody above this thread could answer: say it loudly, keep it for the health page, go no further.
            log.exception("the views' runner stopped at position %d", self._views.position)
            self._error = f"{type(error).__name__}: {error}"
        finally:
            self._state, self._leads, self._asked = "stopped", False, float("-inf")
            self._views.progress.stopped(yes=True)

    def _attempt(self, act: Callable[[], None]) -> None:
        """Do one thing, as often as it takes: while ledger or store do not answer, say so and wait a moment."""
        while True:
            try:
                return act()
            except (LedgerError, OSError, sqlite3.OperationalError, Unavailable) as error:
                self._state, self._error = "waiting", f"{type(error).__name__}: {error}"
            self._pause(_RETRY_SECONDS)

    def _pause(self, seconds: float) -> None:
        self._intake.pause(seconds)
        if self._intake.stopping:
            raise Cancelled

    def _prepare(self) -> None:
        """Build what is not built, or wait until another process has; then know where the folding stands."""
        self._intake.seen = self._ledger.head().position
        self._build()
        with contextlib.closing(self._views.store.writer()) as writer:
            self._advance(writer.mark(), self._anything())
        self._state = "running"

    def _build(self, models: Sequence[Projection[Any]] = ()) -> None:
        """Build these models, or all that are not built; where another process builds, wait and look again."""
        while True:
            try:
                if models or self._stale():
                    with Leased(self._views.store, BUILD, BUILD_SECONDS):
                        self._build_now(models or self._stale())  # another process may have built them meanwhile
            except (Superseded, Overtaken):
                self._pause(_SLOWLY_SECONDS)
            else:
                return

    def _build_now(self, models: Sequence[Projection[Any]]) -> None:
        if models:
            store = self._views.store
            self._skipped = rebuild(self._ledger, store, models, cancelled=lambda: self._intake.stopping)

    def _stale(self) -> Sequence[Projection[Any]]:
        with contextlib.closing(self._views.store.writer()) as writer:
            return stale(self._ledger, writer, self._views.models)

    def _step(self, writer: Writer) -> None:
        """Fold what comes next, or follow the process that does."""
        if not self._folds(writer):
            self._follow(writer)
            return
        position = self._views.position
        patience = _LOOK_SECONDS if self._leads else _SLOWLY_SECONDS
        entries = self._intake.next(position, patience) or self._ledger.entries(position + 1, limit=self._batch)
        self._state, self._error = "running", ""
        if entries:
            self.write(writer, entries)

    def _folds(self, writer: Writer) -> bool:
        """Tell whether it is on us to fold: we hold the lease, or whoever holds it does nothing about what there is."""
        now = time.monotonic()
        if now - self._asked >= LEASE_SECONDS / 3:
            self._leads, self._asked = writer.lease(LEASE, LEASE_SECONDS), now
        if not self._intake.behind(self._views.position):
            self._moved = now
        return self._leads or now - self._moved > _PATIENCE_SECONDS

    def _follow(self, writer: Writer) -> None:
        mark = writer.mark()
        self._state, self._error = "running", ""
        if mark.position != self._views.position:
            self._advance(mark, self._anything())
            self._intake.forget(mark.position)
        else:
            self._intake.listen(mark.position, _SLOWLY_SECONDS, _QUICKLY_SECONDS)

    def write(self, writer: Writer, entries: Sequence[Entry]) -> None:
        """Fold entries that follow the present position, unless another process did meanwhile."""
        try:
            with writer.turn() as turn:
                mark, told = turn.mark, self._anything()  # another process folded: go on from where it came to
                if mark.position == self._views.position:
                    mark, told = self._fold(turn, entries)
        except Overtaken:
            return  # the next turn sees by whom
        except FoldError:
            if writer.mark().position == self._views.position:
                raise
            return  # rows that another process had written meanwhile were read: its fold counts, not ours
        self._advance(mark, told)

    def _fold(self, turn: Turn, entries: Sequence[Entry]) -> tuple[Mark, Told]:
        check_chain(turn.mark, entries)
        batch = Batch(turn.current, self._routes)
        batch.fold(entries)
        changes = batch.written()
        following = Mark(entries[-1].last_position, entries[-1].entry_hash)
        turn.write(changes, following)
        self._skipped += batch.skipped
        return following, woken(changes)

    def _advance(self, mark: Mark, told: Told) -> None:
        self._moved = time.monotonic()
        self._views.progress.advance(mark.position)
        self._intake.seen = max(self._intake.seen, mark.position)
        for listener in self._listeners if told else ():
            listener(told)

    def _anything(self) -> Told:
        return {model.name: frozenset((ANYTHING,)) for model in self._views.models if model.wakes}


def check_chain(mark: Mark, entries: Sequence[Entry]) -> None:
    """Raise HistoryChanged unless the entries follow the mark and each other without a gap."""
    position, entry_hash = mark.position, mark.entry_hash
    for entry in entries:
        if entry.first_position != position + 1 or entry.prev_hash != entry_hash:
            raise HistoryChanged(f"the entry at position {entry.first_position} does not follow position {position}")
        position, entry_hash = entry.last_position, entry.entry_hash

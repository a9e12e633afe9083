"""Building read models from nothing, beside the current ones, and swapping them in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from commands.ports.ledger import Entry
from infra.views.fold import Batch, Routes
from infra.views.store import NOTHING, Generation, Mark, Overtaken, Turn, ViewStore, Writer
from projections.base import Projection

CHUNK = 2_000
"""Entries folded in memory before they are written."""
LEASE, LEASE_SECONDS = "build", 30.0
"""Who builds, of several processes."""


class ReadLedger(Protocol):
    """The entries of a ledger."""

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return whole entries from a position on."""


class Cancelled(Exception):
    """The runner is stopping; what was built so far is thrown away."""


def stale(ledger: ReadLedger, writer: Writer, models: Sequence[Projection[Any]]) -> tuple[Projection[Any], ...]:
    """Return the models that have to be built: other versions, and all of them where the ledger is another one.

    A ledger that was restored to an earlier state, or replaced, does not hold the entry that was folded last.
    """
    writer.tidy()
    with writer.turn() as turn:
        if turn.mark.position:
            last = ledger.entries(turn.mark.position, limit=1)
            if not last or Mark(last[0].last_position, last[0].entry_hash) != turn.mark:
                turn.reset()
                return tuple(models)
        return tuple(model for model in models if model.name not in turn.current)


def rebuild(
    ledger: ReadLedger, store: ViewStore, models: Sequence[Projection[Any]], *, cancelled: Callable[[], bool]
) -> int:
    """Fold the whole ledger into fresh generations of these models, catch up with the others and swap.

    Readers use the former ones until the swap; the runner goes on meanwhile. Returns how many events were of unknown
    topics. Raises ``FoldError`` (nothing is swapped), ``Cancelled``, and ``Superseded``: another process began later.
    """
    writer = store.writer()
    try:
        build = _Build(ledger, writer, models)
        while not build.near_the_end():
            if cancelled():
                raise Cancelled
            build.advance()
        build.finish()
        return build.skipped
    finally:
        writer.close()


class _Build:
    def __init__(self, ledger: ReadLedger, writer: Writer, models: Sequence[Projection[Any]]) -> None:
        self._ledger, self._writer = ledger, writer
        self._mark = NOTHING
        self.skipped = 0
        self._ahead: Sequence[Entry] = ()
        self._fresh: dict[str, Generation] = {one.model.name: one for one in writer.begin(models)}
        self._routes = Routes(models)

    def near_the_end(self) -> bool:
        """Tell whether little enough is left to do it while the runner is held off."""
        self._ahead = self._ledger.entries(self._mark.position + 1, limit=CHUNK)
        with self._writer.turn() as turn:
            until = self._until(turn)
        return len(self._ahead) < CHUNK or (until is not None and self._ahead[-1].last_position >= until)

    def advance(self) -> None:
        """Fold the entries read ahead."""
        self._fold(self._ahead)

    def finish(self) -> None:
        """Make the indexes, fold the rest up to where the other models stand, and swap, until nobody comes between.

        Where there are no others the runner goes on from here: a ledger that grows meanwhile is not run after.
        """
        if self._all():
            self._fold(self._ahead)
        self._writer.index(tuple(self._fresh.values()))
        swapped = False
        while not swapped:
            swapped = self._swapped()

    def _swapped(self) -> bool:
        try:
            with self._writer.turn() as turn:
                until = self._until(turn)
                while until is not None and (entries := self._rest(until)):
                    self._fold(entries)
                turn.swap(tuple(self._fresh.values()), self._mark if until is None else None)
        except Overtaken:
            return False
        return True

    def _until(self, turn: Turn) -> int | None:
        """Return the position at which the models that are not rebuilt stand; None where all are."""
        return turn.mark.position if turn.current.keys() - self._fresh.keys() else None

    def _all(self) -> bool:
        with self._writer.turn() as turn:
            return self._until(turn) is None

    def _rest(self, until: int) -> list[Entry]:
        entries = self._ledger.entries(self._mark.position + 1, limit=CHUNK)
        return [entry for entry in entries if entry.last_position <= until]

    def _fold(self, entries: Sequence[Entry]) -> None:
        batch = Batch(self._fresh, self._routes)
        batch.fold(entries)
        self._writer.fill(batch.written())
        self.skipped += batch.skipped
        if entries:
            self._mark = Mark(entries[-1].last_position, entries[-1].entry_hash)

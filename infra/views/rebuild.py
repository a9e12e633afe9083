"""Building read models from nothing, beside the current ones, and swapping them in."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from commands.ports.ledger import Entry
from infra.views.database import (
    NO_HASH,
    Catalogue,
    Mark,
    forget,
    next_generation,
    open_writer,
    read_mark,
    swap,
    transaction,
    write_mark,
)
from infra.views.fold import Batch, Routes
from infra.views.tables import Table
from projections.base import Projection

CHUNK = 2_000
"""Entries folded in memory before they are written."""


class ReadLedger(Protocol):
    """The entries of a ledger."""

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return whole entries from a position on."""


class Cancelled(Exception):
    """The runner is stopping; what was built so far is thrown away."""


def stale(ledger: ReadLedger, db: sqlite3.Connection, models: Sequence[Projection[Any]]) -> tuple[Projection[Any], ...]:
    """Return the models that have to be built: other versions, and all of them where the ledger is another one.

    A ledger that was restored to an earlier state, or replaced, does not hold the entry that was folded last.
    """
    forget(db, models)
    mark = read_mark(db)
    if mark.position:
        last = ledger.entries(mark.position, limit=1)
        if not last or last[0].last_position != mark.position or last[0].entry_hash != mark.entry_hash:
            with transaction(db, write=True):
                db.execute("UPDATE models SET version = -1")
                write_mark(db, Mark(0, NO_HASH))
    built = Catalogue(models).current(db)
    return tuple(model for model in models if model.name not in built)


def rebuild(ledger: ReadLedger, path: Path, models: Sequence[Projection[Any]], *, cancelled: Callable[[], bool]) -> int:
    """Fold the whole ledger into fresh tables of these models, catch up with the others and swap.

    Readers use the former tables until the swap; the runner goes on between our transactions. Returns how many events
    were of unknown topics. Raises ``FoldError`` (nothing is swapped) and ``Cancelled``.
    """
    db = open_writer(path)
    try:
        build = _Build(ledger, db, models)
        while not build.near_the_end():
            if cancelled():
                raise Cancelled
            build.advance()
        build.finish()
        return build.skipped
    finally:
        db.close()


class _Build:
    def __init__(self, ledger: ReadLedger, db: sqlite3.Connection, models: Sequence[Projection[Any]]) -> None:
        self._ledger, self._db = ledger, db
        self._mark = Mark(0, NO_HASH)
        self.skipped = 0
        self._ahead: Sequence[Entry] = ()
        self._tables = tuple(Table(model, next_generation(db, model)) for model in models)
        self._routes = Routes(models)
        with transaction(db, write=True):
            for table in self._tables:
                table.create(db)

    def near_the_end(self) -> bool:
        """Tell whether little enough is left to do it while the runner is held off."""
        self._ahead = self._ledger.entries(self._mark.position + 1, limit=CHUNK)
        until = self._until()
        return len(self._ahead) < CHUNK or (until is not None and self._ahead[-1].last_position >= until)

    def advance(self) -> None:
        """Fold the entries read ahead."""
        with transaction(self._db, write=True):
            self._fold(self._ahead)

    def finish(self) -> None:
        """Make the indexes, fold the rest up to where the other models stand, and swap."""
        with transaction(self._db, write=True):
            for table in self._tables:
                table.index(self._db)
        with transaction(self._db, write=True):
            until = self._until()
            while entries := self._rest(until):
                self._fold(entries)
            swap(self._db, self._tables)
            if until is None:
                write_mark(self._db, self._mark)

    def _until(self) -> int | None:
        """Return the position at which the models that are not rebuilt stand; None where all are."""
        built = {table.model.name for table in self._tables}
        others = {name for (name,) in self._db.execute("SELECT name FROM models")} - built
        return read_mark(self._db).position if others else None

    def _rest(self, until: int | None) -> list[Entry]:
        entries = self._ledger.entries(self._mark.position + 1, limit=CHUNK)
        return [entry for entry in entries if until is None or entry.last_position <= until]

    def _fold(self, entries: Sequence[Entry]) -> None:
        batch = Batch({table.model.name: table for table in self._tables}, self._routes, self._db)
        batch.fold(entries)
        batch.flush()
        self.skipped += batch.skipped
        if entries:
            self._mark = Mark(entries[-1].last_position, entries[-1].entry_hash)

"""Writing read models in SQLite: a turn is one write transaction, so that nobody overtakes it."""

from __future__ import annotations

import contextlib
import sqlite3
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.views.database import (
    Catalogue,
    forget,
    next_generation,
    open_writer,
    read_mark,
    swap,
    transaction,
    write_mark,
)
from infra.views.store import NOTHING, Generation, Key, Mark, Row, Superseded, Written
from infra.views.tables import Table
from projections.base import Projection


class StoredTable:
    """One generation of a model, through one writer's connection."""

    remote = False

    def __init__(self, table: Table, db: sqlite3.Connection) -> None:
        self.table, self.db = table, db
        self.model, self.number = table.model, table.generation

    def load(self, keys: Sequence[Key]) -> list[Row]:
        """Return the rows with these keys, as far as there are any."""
        return [row for key in keys if (row := self.table.load(self.db, key)) is not None]

    def having(self, column: str, values: Sequence[str]) -> list[Row]:
        """Return the rows with one of these values in one of the model's lookups."""
        return [row for value in values for row in self.table.having(self.db, column, value)]


class SqliteTurn:
    """A look at the file inside a write transaction; nobody else can write before it ends."""

    def __init__(self, db: sqlite3.Connection, catalogue: Catalogue) -> None:
        self._db, self.mark = db, read_mark(db)
        self.current: dict[str, Generation] = {
            name: StoredTable(table, db) for name, table in catalogue.current(db).items()
        }

    def write(self, changes: Written, following: Mark) -> None:
        """Write all models' rows and the new mark; they are there when the turn ends."""
        _write(self._db, changes)
        write_mark(self._db, following)

    def swap(self, fresh: Sequence[Generation], following: Mark | None) -> None:
        """Make built generations the current ones. Raises Superseded."""
        _check(self._db, fresh)
        swap(self._db, [Table(one.model, one.number) for one in fresh])
        self._db.executemany("DELETE FROM builds WHERE name = ?", [(one.model.name,) for one in fresh])
        if following is not None:
            write_mark(self._db, following)

    def reset(self) -> None:
        """Declare every model unbuilt and the position 0."""
        self._db.execute("UPDATE models SET version = -1")
        write_mark(self._db, NOTHING)


class SqliteViewWriter:
    """Adapter of :class:`infra.views.store.Writer`."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        self._db, self._catalogue = open_writer(path), catalogue
        self._holder = uuid.uuid4().hex
        self._held: set[str] = set()

    def mark(self) -> Mark:
        """Return where the folding stands now."""
        return read_mark(self._db)

    @contextlib.contextmanager
    def turn(self) -> Iterator[SqliteTurn]:
        """Hold the file for one step."""
        with transaction(self._db, write=True):
            yield SqliteTurn(self._db, self._catalogue)

    def lease(self, name: str, seconds: float) -> bool:
        """Take or renew a lease, by the machine's steady clock; after its restart nobody holds one for longer."""
        now = time.monotonic()
        row = self._db.execute("SELECT holder, until FROM leases WHERE name = ?", (name,)).fetchone()
        if row is not None and row[0] != self._holder and now < row[1] < now + seconds:
            return False
        try:
            with transaction(self._db, write=True):
                taken = self._db.execute(
                    "INSERT INTO leases VALUES (:name, :holder, :until) ON CONFLICT (name) DO UPDATE SET"
                    " holder = :holder, until = :until WHERE holder = :holder OR until <= :now OR until >= :until",
                    {"name": name, "holder": self._holder, "until": now + seconds, "now": now},
                )
        except sqlite3.OperationalError:
            return False  # the file is busy or its disk full: whoever folds will tell
        self._held.add(name)
        return taken.rowcount == 1

    def release(self, name: str) -> None:
        """Give a lease back, if it is ours."""
        self._held.discard(name)
        self._db.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (name, self._holder))

    def begin(self, models: Sequence[Projection[Any]]) -> Sequence[StoredTable]:
        """Make empty tables with the indexes that folds need; what an interrupted attempt left goes."""
        with transaction(self._db, write=True):
            return [self._begin(model) for model in models]

    def _begin(self, model: Projection[Any]) -> StoredTable:
        left = self._db.execute("SELECT generation FROM builds WHERE name = ?", (model.name,)).fetchone()
        number = next_generation(self._db, model)
        if left is not None:
            Table(model, left[0]).drop(self._db)
        fresh = Table(model, number)
        fresh.create(self._db)
        self._db.execute("INSERT OR REPLACE INTO builds VALUES (?, ?)", (model.name, number))
        return StoredTable(fresh, self._db)

    def fill(self, changes: Written) -> None:
        """Write rows of tables that nobody reads yet: in the present turn, else in a transaction of their own."""
        with contextlib.nullcontext() if self._db.in_transaction else transaction(self._db, write=True):
            _check(self._db, [generation for generation, _ in changes])
            _write(self._db, changes)

    def index(self, fresh: Sequence[Generation]) -> None:
        """Make the indexes that only readers need."""
        with transaction(self._db, write=True):
            _check(self._db, fresh)
            for one in fresh:
                Table(one.model, one.number).index(self._db)

    def tidy(self) -> None:
        """Drop the tables of models that this version of the code does not have."""
        forget(self._db, self._catalogue.models)

    def close(self) -> None:
        """Let go of the file; leases are given back."""
        for name in tuple(self._held):
            with contextlib.suppress(sqlite3.OperationalError):  # it runs out by itself
                self.release(name)
        self._db.close()


def _check(db: sqlite3.Connection, fresh: Sequence[Generation]) -> None:
    """Raise Superseded unless these generations are the ones that are being built."""
    begun = dict(db.execute("SELECT name, generation FROM builds"))
    if any(begun.get(one.model.name) != one.number for one in fresh):
        raise Superseded


def _write(db: sqlite3.Connection, changes: Written) -> None:
    for generation, change in changes:
        assert isinstance(generation, StoredTable)
        generation.table.write(db, change)

"""The read models in one SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from infra.views.database import Catalogue, open_reader, read_mark, transaction
from infra.views.plan import page
from infra.views.sqlite_writer import SqliteViewWriter
from infra.views.store import Key, Reading, Row, Tallied, being_built, no_value
from infra.views.tables import Table
from infra.views.views import StoredViews
from projections.base import Projection
from projections.query import Filter

T = TypeVar("T")


class SqliteViews(StoredViews):
    """The read models in the file at ``path``."""

    def __init__(self, path: Path, models: Sequence[Projection[Any]]) -> None:
        self.path = path
        super().__init__(SqliteViewStore(path, models))


class SqliteViewStore:
    """Adapter of :class:`infra.views.store.ViewStore`: each thread reads through a read-only connection of its own."""

    def __init__(self, path: Path, models: Sequence[Projection[Any]]) -> None:
        self.models = tuple(models)
        self._path, self._catalogue = path, Catalogue(models)
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []

    def writer(self) -> SqliteViewWriter:
        """Return a writer for the calling thread."""
        return SqliteViewWriter(self._path, self._catalogue)

    def read(self, model: Projection[Any], ask: Callable[[Reading], T]) -> T:
        """Ask one snapshot. Raises Unavailable, and InvalidInput for values that SQLite does not have."""
        db = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = open_reader(self._path)
            self._readers.append(db)
        with transaction(db, write=False):
            table = self._catalogue.current(db).get(model.name)
            if table is None or table.model.version != model.version:
                raise being_built(model)
            try:
                return ask(SqliteReading(db, table))
            except (UnicodeEncodeError, OverflowError):
                raise no_value() from None

    def close(self) -> None:
        """Close all readers."""
        while self._readers:
            self._readers.pop().close()
        self._local = threading.local()


class SqliteReading:
    """Adapter of :class:`infra.views.store.Reading`, inside one read transaction."""

    def __init__(self, db: sqlite3.Connection, table: Table) -> None:
        self._db, self._table = db, table

    @property
    def position(self) -> int:
        """Where the rows stand."""
        return read_mark(self._db).position

    def get(self, key: Key) -> Row | None:
        """Return a row by its key."""
        return self._table.load(self._db, key)

    def page(
        self, where: Filter, *, team_ids: tuple[str, ...] | None, cursor: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """Return up to ``limit`` rows and the cursor of what follows them, if anything does."""
        return page(self._db, self._table, where, team_ids=team_ids, cursor=cursor, limit=limit)

    def tally(self, by: tuple[str, ...], least: tuple[str, int] | None) -> Tallied:
        """Count all rows by the values of columns; the caller has checked that they are the model's."""
        columns = ", ".join(by)
        smallest = f"min(CASE WHEN {least[0]} >= ? THEN {least[0]} END)" if least else "NULL"
        sql = f"SELECT {columns}, count(*), {smallest} FROM {self._table.name} GROUP BY {columns}"  # noqa: S608 - our own names
        found = self._db.execute(sql, (least[1],) if least else ()).fetchall()
        return [(tuple(record[:-2]), record[-2], record[-1]) for record in found]

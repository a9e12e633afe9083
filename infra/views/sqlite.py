"""The read models in one SQLite file, as readers use them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from domain.errors import InvalidInput, Unavailable
from infra.views import keyset
from infra.views.database import Catalogue, open_reader, open_writer, read_mark, transaction
from infra.views.progress import Progress
from infra.views.tables import Row, Table, elements
from projections.base import EVERYBODY, Projection, R
from projections.query import Filter, Page


class SqliteViews:
    """Answers ``get`` and ``find`` from ``path`` (``projections.query.Views``); a ``Runner`` keeps the rows current.

    Each thread reads through its own read-only connection, one snapshot per call; readers never wait for the writer.
    """

    def __init__(self, path: Path, models: Sequence[Projection[Any]]) -> None:
        names = [model.name for model in models]
        if len(set(names)) != len(names):
            raise ValueError(f"two read models have one name: {', '.join(sorted(names))}")
        self.path = path
        self.models = tuple(models)
        self.catalogue = Catalogue(models)
        writer = open_writer(path)
        self.progress = Progress(read_mark(writer).position)
        writer.close()
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []

    @property
    def position(self) -> int:
        """Position of the last event that is folded."""
        return self.progress.position

    def get(self, model: Projection[R], key: str | int, *, team_ids: tuple[str, ...] | None = None) -> R | None:
        """Return one row; None where there is none, or none of these teams. Raises Unavailable."""
        with self._reading(model) as (db, table):
            row = _guarded(lambda: table.load(db, key))
        if row is None or (team_ids is not None and not _belongs(model, row, team_ids)):
            return None
        return cast("R", row)

    def find(
        self,
        model: Projection[R],
        where: Filter,
        *,
        team_ids: tuple[str, ...] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[R]:
        """Return a page of rows. Raises InvalidInput for a bad cursor, limit or order, and Unavailable."""
        keyset.check_limit(limit)
        with self._reading(model) as (db, table):
            position = read_mark(db).position
            rows, more = _guarded(lambda: keyset.page(db, table, where, team_ids=team_ids, cursor=cursor, limit=limit))
        return Page(cast("tuple[R, ...]", tuple(rows)), more, position)

    def tally(
        self, model: Projection[Any], by: tuple[str, ...], *, least: tuple[str, int] | None = None
    ) -> list[tuple[tuple[Any, ...], int, int | None]]:
        """Count all rows by the values of columns; with ``least`` the smallest of a column that is at least a number.

        The columns should lead one of the model's indexes, with that of ``least`` after them: the rows themselves are
        then not read, and a million are counted in tenths of a second. Raises Unavailable.
        """
        if not {*by, *((least[0],) if least else ())} <= set(model.columns):
            raise ValueError(f"{model.name} has no such columns: {by}, {least}")
        columns = ", ".join(by)
        smallest = f"min(CASE WHEN {least[0]} >= ? THEN {least[0]} END)" if least else "NULL"
        with self._reading(model) as (db, table):
            sql = f"SELECT {columns}, count(*), {smallest} FROM {table.name} GROUP BY {columns}"  # noqa: S608 - our own names
            found = db.execute(sql, (least[1],) if least else ()).fetchall()
        return [(tuple(record[:-2]), record[-2], record[-1]) for record in found]

    async def wait_for(
        self,
        position: int,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - the caller wants our Unavailable, not a TimeoutError
    ) -> None:
        """Return once ``position`` is folded; raises Unavailable after ``timeout`` seconds."""
        await self.progress.wait(position, timeout)

    def wait_for_blocking(self, position: int, *, timeout: float = 5.0) -> None:
        """Return once ``position`` is folded; for threads that run no event loop."""
        self.progress.wait_blocking(position, timeout)

    def close(self) -> None:
        """Close all readers."""
        while self._readers:
            self._readers.pop().close()
        self._local = threading.local()

    @contextmanager
    def _reading(self, model: Projection[Any]) -> Iterator[tuple[sqlite3.Connection, Table]]:
        db = getattr(self._local, "db", None)
        if db is None:
            db = self._local.db = open_reader(self.path)
            self._readers.append(db)
        with transaction(db, write=False):
            table = self.catalogue.current(db).get(model.name)
            if table is not None and table.model.version != model.version:
                table = None
            if table is None:
                raise Unavailable(
                    f"the read model {model.name} is being built",
                    rule="views-building",
                    fix="ask again later; the health of the views' runner tells how far it is",
                )
            yield db, table


def _guarded(read: Callable[[], Any]) -> Any:
    """Read; what SQLite cannot take as a value (lone surrogates, integers over 64 bits) is the asker's mistake."""
    try:
        return read()
    except (UnicodeEncodeError, OverflowError):
        raise InvalidInput("a value of the filter is no text or number", rule="filter", fix="correct it") from None


def _belongs(model: Projection[Any], row: Row, team_ids: tuple[str, ...]) -> bool:
    if model.scope is None or model.scope == EVERYBODY:
        return model.scope == EVERYBODY
    owners = elements(model, model.scope, row) if model.scope in model.many else [row[model.scope]]
    return not set(team_ids).isdisjoint(owners)

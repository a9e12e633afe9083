"""The tables of one generation of one read model in SQLite.

A row is stored as its key, its searchable columns and a JSON body with the rest; nothing is stored twice but the
elements of lists, which stand in a side table per ``many`` column: (value, key).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from infra.views.rows import Codec, elements
from infra.views.store import Changes, Key, Row
from projections.base import Projection

_TYPES = {"text": "TEXT", "integer": "INTEGER", "boolean": "INTEGER"}


class Table:
    """One generation of one model. All statements are built from the model's own names, never from input."""

    def __init__(self, model: Projection[Any], generation: int) -> None:
        self.model, self.generation = model, generation
        self.name = f"{model.name}_{generation}"
        self.columns = tuple(model.columns)
        self._booleans = tuple(name for name, kind in model.columns.items() if kind == "boolean")
        self._codec = Codec(model)
        stored = (model.key, *self.columns, "body")
        names, self.all_names = ", ".join(stored), ", ".join(f"t.{name}" for name in stored)
        marks = ", ".join("?" * (len(self.columns) + 2))
        changes = ", ".join(f"{column} = excluded.{column}" for column in (*self.columns, "body"))
        self.select = f"SELECT {names} FROM {self.name}"  # noqa: S608 - our own names
        self._insert = f"INSERT INTO {self.name} ({names}) VALUES ({marks})"  # noqa: S608 - our own names
        self._upsert = f"{self._insert} ON CONFLICT ({model.key}) DO UPDATE SET {changes}"

    def create(self, db: sqlite3.Connection) -> None:
        """Make empty tables with the indexes that folds need; what an interrupted attempt left goes first."""
        self.drop(db)
        key = f"{self.model.key} {_TYPES[self.model.key_type]} PRIMARY KEY"
        columns = "".join(f"{name} {_TYPES[kind]}, " for name, kind in self.model.columns.items())
        db.execute(f"CREATE TABLE {self.name} ({key}, {columns}body BLOB NOT NULL)")
        for many in self.model.many:
            side = f"value TEXT NOT NULL, key {_TYPES[self.model.key_type]} NOT NULL, PRIMARY KEY (value, key)"
            db.execute(f"CREATE TABLE {self.name}_{many} ({side}) WITHOUT ROWID")

        self._index(db, lookups=True)

    def index(self, db: sqlite3.Connection) -> None:
        """Make the indexes that only readers need; after the rows, when many are written at once."""
        self._index(db, lookups=False)

    def _index(self, db: sqlite3.Connection, *, lookups: bool) -> None:
        for number, columns in enumerate(self.model.indexes):
            if (columns[0] in self.model.lookups) == lookups:
                db.execute(f"CREATE INDEX {self.name}_by_{number} ON {self.name} ({', '.join(columns)})")

    def drop(self, db: sqlite3.Connection) -> None:
        """Take the tables away, with their indexes."""
        for name in (self.name, *(f"{self.name}_{many}" for many in self.model.many)):
            db.execute(f"DROP TABLE IF EXISTS {name}")

    def row(self, record: Sequence[Any]) -> Row:
        """Return the row that a record of :attr:`select` holds."""
        row: Row = dict(zip((self.model.key, *self.columns), record[:-1], strict=True))
        for name in self._booleans:
            row[name] = None if row[name] is None else bool(row[name])
        row.update(self._codec.body(record[-1]))
        return row

    def load(self, db: sqlite3.Connection, key: Key) -> Row | None:
        """Return one row by its key."""
        record = db.execute(f"{self.select} WHERE {self.model.key} = ?", (key,)).fetchone()
        return None if record is None else self.row(record)

    def having(self, db: sqlite3.Connection, column: str, value: str) -> list[Row]:
        """Return the rows with this value in a column, or in the list of that name."""
        if column in self.model.many:
            condition = f"{self.model.key} IN (SELECT key FROM {self.name}_{column} WHERE value = ?)"  # noqa: S608 - our own names
        else:
            condition = f"{column} = ?"
        return [self.row(record) for record in db.execute(f"{self.select} WHERE {condition}", (value,))]

    def write(self, db: sqlite3.Connection, changes: Changes) -> None:
        """Store new rows and changed ones, and take rows away: one statement each."""
        if changes.deleted:
            db.executemany(
                f"DELETE FROM {self.name} WHERE {self.model.key} = ?",  # noqa: S608 - our own names
                [(row[self.model.key],) for row in changes.deleted],
            )
        if changes.added:
            db.executemany(self._insert, [self._record(row) for row in changes.added])
        if changes.changed:
            db.executemany(self._upsert, [self._record(row) for _, row in changes.changed])
        for many in self.model.many:
            self._write_many(db, many, changes)

    def _record(self, row: Row) -> tuple[Any, ...]:
        searchable, body = self._codec.apart(row)
        return (*searchable, body)

    def _write_many(self, db: sqlite3.Connection, many: str, changes: Changes) -> None:
        gone = [pair for row in changes.deleted for pair in self._elements(many, row)]
        new = [pair for row in changes.added for pair in self._elements(many, row)]
        for former, present in changes.changed:
            before, after = self._elements(many, former), self._elements(many, present)
            if before != after:
                gone += before - after
                new += after - before
        if gone:
            db.executemany(f"DELETE FROM {self.name}_{many} WHERE value = ? AND key = ?", gone)  # noqa: S608 - our own names
        if new:
            db.executemany(f"INSERT INTO {self.name}_{many} VALUES (?, ?)", new)  # noqa: S608 - our own names

    def _elements(self, many: str, row: Row) -> set[tuple[str, Key]]:
        return {(value, row[self.model.key]) for value in elements(self.model, many, row)}

"""The SQLite file that holds all read models: which generation of each is current, and the one position of them all."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.database_file import create_once
from infra.views.store import Mark
from infra.views.tables import Table
from projections.base import Projection

_BUSY_SECONDS = 30.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS models (name TEXT PRIMARY KEY, version INTEGER NOT NULL, generation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS progress (
    id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL, entry_hash BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS builds (name TEXT PRIMARY KEY, generation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL);
INSERT OR IGNORE INTO progress VALUES (1, 0, zeroblob(32));
"""


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the file for a writer, making it where there is none.

    ``synchronous=NORMAL``: after a power cut the file is whole and may lack its last transactions, rows and position
    alike; the runner folds them again.
    """
    create_once(path)
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA wal_autocheckpoint = 4000")  # 16 MB: rarer copying back, which waits for the disk
    db.execute("PRAGMA cache_size = -32000")  # 32 MB
    db.executescript(_SCHEMA)
    return db


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the file for reading only."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)


@contextlib.contextmanager
def transaction(db: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    """One consistent state to read, or all of what is written or nothing."""
    db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def read_mark(db: sqlite3.Connection) -> Mark:
    """Return where the folding stands."""
    return Mark(*db.execute("SELECT position, entry_hash FROM progress").fetchone())


def write_mark(db: sqlite3.Connection, mark: Mark) -> None:
    """Note where the folding stands; in the transaction that writes the rows."""
    db.execute("UPDATE progress SET position = ?, entry_hash = ?", (mark.position, mark.entry_hash))


class Catalogue:
    """Which generation of each model answers, read afresh in each transaction; statements are built once."""

    def __init__(self, models: Sequence[Projection[Any]]) -> None:
        self.models = tuple(models)
        self._tables: dict[tuple[str, int], Table] = {}

    def current(self, db: sqlite3.Connection) -> dict[str, Table]:
        """Return the built tables by model name; a model none of whose version is built is missing."""
        stored = {name: (version, generation) for name, version, generation in db.execute("SELECT * FROM models")}
        found = ((model, stored.get(model.name, (None, 0))) for model in self.models)
        return {model.name: self._table(model, stood[1]) for model, stood in found if stood[0] == model.version}

    def _table(self, model: Projection[Any], generation: int) -> Table:
        table = self._tables.get((model.name, generation))
        if table is None:
            table = self._tables[model.name, generation] = Table(model, generation)
        return table


def next_generation(db: sqlite3.Connection, model: Projection[Any]) -> int:
    """Return the number of the tables that a rebuild fills: above the current one's, and of any that was begun."""
    known = "SELECT generation FROM models WHERE name = :name UNION SELECT generation FROM builds WHERE name = :name"
    (found,) = db.execute(f"SELECT max(generation) FROM ({known})", {"name": model.name}).fetchone()  # noqa: S608 - our own
    return int(found or 0) + 1


def forget(db: sqlite3.Connection, models: Sequence[Projection[Any]]) -> None:
    """Drop what is stored of models that this version of the code does not have."""
    known = {model.name for model in models}
    with transaction(db, write=True):
        for (name,) in db.execute("SELECT name FROM models").fetchall():
            if name not in known:
                for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                    if table.startswith(f"{name}_"):
                        db.execute(f'DROP TABLE "{table}"')
                db.execute("DELETE FROM models WHERE name = ?", (name,))


def swap(db: sqlite3.Connection, tables: Sequence[Table]) -> None:
    """Make freshly built tables the current ones and drop those they replace; readers keep their snapshots."""
    for fresh in tables:
        model = fresh.model
        if fresh_before := db.execute("SELECT generation FROM models WHERE name = ?", (model.name,)).fetchone():
            Table(model, fresh_before[0]).drop(db)
        db.execute("INSERT OR REPLACE INTO models VALUES (?, ?, ?)", (model.name, model.version, fresh.generation))

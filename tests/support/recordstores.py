"""Small state in every store, for the tests that each of them must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.mongodb.connection import MongoConnection, check_url
from infra.records.mongodb import collections, mongo_records
from infra.records.port import Records
from infra.records.sqlite import sqlite_records
from infra.records.tables import Table, Tables

THING = Table(
    "thing",
    {
        "kind": "text", "name": "text", "number": "int", "share": "real", "bytes": "blob", "note": "text?",
        "until": "real?",
    },
    key=("kind", "name"),
    unique=(("number",),),
    indexes={"thing_share": ("share",)},
)  # fmt: skip
SLOT = Table("slot", {"name": "text", "holder": "text", "turn": "int"}, key=("name",))
MARK = Table("mark", {"token": "blob", "at": "real"}, key=("token",))
TRIED = Tables("tried", (THING, SLOT, MARK), what="tried store", rule="tried-store", fix="try again", durable=True)


def thing(number: int, **told: object) -> dict[str, object]:
    """Return a row of :data:`THING`."""
    row = {"kind": "k", "name": f"n{number}", "number": number, "share": 0.5, "bytes": b"", "note": None, "until": None}
    return {**row, **told}


def make_collections(connection: MongoConnection, *kept: Tables) -> None:
    """Make collections and indexes, as the migration does."""
    for tables in kept:
        for name, indexes in collections(tables).items():
            connection.database.create_collection(name)
            if indexes:
                connection.database[name].create_indexes(indexes)


@dataclass
class Place:
    """Where records are: a folder, or the URL of a database. Opened as often as a test likes, by any process."""

    where: str
    _opened: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_mongodb(self) -> bool:
        """Tell which store this is."""
        return self.where.startswith("mongodb://")

    def open(self, tables: Tables) -> Records:
        """Open the records, as another process would: with a connection of its own."""
        if not self.is_mongodb:
            file = sqlite_records(Path(self.where) / f"{tables.name}.sqlite", tables)
            self._opened.append(file.close)
            return file
        connection = MongoConnection(check_url(self.where))
        self._opened.append(connection.close)
        return mongo_records(connection, tables)

    def prepare(self, *kept: Tables) -> None:
        """Make what a migration makes."""
        if self.is_mongodb:
            connection = MongoConnection(check_url(self.where))
            make_collections(connection, *kept)
            connection.close()

    def close(self) -> None:
        """Close everything that was opened."""
        while self._opened:
            self._opened.pop()()


@contextmanager
def place(where: str, *kept: Tables) -> Iterator[Place]:
    """Give an empty store for some tables."""
    made = Place(where)
    made.prepare(*kept)
    try:
        yield made
    finally:
        made.close()

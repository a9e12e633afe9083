"""The stores of read models that contract suites run against, and all rows of one, as its own files say."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from pymongo import MongoClient

from infra.mongodb.connection import MongoConnection, check_url
from infra.views.mongodb.documents import Shape
from infra.views.mongodb.state import SUFFIX
from infra.views.mongodb.views import MongoViews
from infra.views.sqlite import SqliteViews
from infra.views.views import StoredViews
from projections.base import Projection
from projections.models import MODELS
from tests.support.viewrows import all_rows


class ViewPlace(Protocol):
    """A place for read models; whoever opens it a second time is another process to the first."""

    def open(self, models: Sequence[Projection[Any]] = MODELS) -> StoredViews:
        """Open the place."""

    def rows(self) -> dict[str, Any]:
        """Return mark and rows of every model that is built, elements of lists included."""

    def kept(self) -> list[str]:
        """Return the names of what is stored of the model ``inventory``."""


class SqlitePlace:
    """One file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, models: Sequence[Projection[Any]] = MODELS) -> StoredViews:
        """Open the file."""
        return SqliteViews(self.path, models)

    def rows(self) -> dict[str, Any]:
        """Return mark and rows of every model that is built."""
        return all_rows(self.path)

    def kept(self) -> list[str]:
        """Return the names of the tables of ``inventory``."""
        with closing(sqlite3.connect(self.path)) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return sorted(name for name in tables if name.startswith("inventory") and not name.endswith("_names"))


class MongoPlace:
    """One database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = MongoConnection(check_url(url))
        self.database = self.connection.client[self.connection.url.database + SUFFIX]

    def open(self, models: Sequence[Projection[Any]] = MODELS) -> StoredViews:
        """Open the database over the one connection of this place."""
        return MongoViews(self.connection, models)

    def rows(self) -> dict[str, Any]:
        """Return mark and rows of every model that is built, in the form of :func:`all_rows`."""
        writer = MongoViews(self.connection, MODELS).store.writer()
        with writer.turn() as turn:
            found: dict[str, Any] = {"mark": turn.mark}
            for name, held in turn.current.items():
                found |= self._rows(name, Shape(held.model), held.number)
        writer.close()
        return found

    def _rows(self, name: str, shape: Shape, generation: int) -> dict[str, Any]:
        documents = list(self.database[shape.collection(generation)].find())
        rows = sorted((shape.row(one) for one in documents), key=lambda row: str(row[shape.model.key]))
        lists = {
            f"{name}.{many}": sorted((value, one["_id"]) for one in documents for value in one[many])
            for many in shape.model.many
        }
        return {name: rows, **lists}

    def kept(self) -> list[str]:
        """Return the names of the collections of ``inventory``."""
        return sorted(name for name in self.database.list_collection_names() if name.startswith("views_inventory_"))

    def close(self) -> None:
        """Drop the database."""
        with MongoClient[dict[str, Any]](self.url) as client:
            client.drop_database(self.database.name)
        self.connection.close()


@contextmanager
def place_of(kind: str, folder: Path, url: Callable[[], str]) -> Iterator[ViewPlace]:
    """Give an empty place of a kind, ``sqlite`` or ``mongodb``; ``url`` is asked for the second only."""
    if kind == "sqlite":
        yield SqlitePlace(folder / "views.db")
        return
    place = MongoPlace(url())
    try:
        yield place
    finally:
        place.close()

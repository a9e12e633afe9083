"""Folding one batch of entries in memory: rows are read when first asked for and written once at the end."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from commands.ports.ledger import Entry, StoredEvent
from commands.stored import event_of
from domain.base import Event
from domain.registry import TOPICS
from infra.ledger.proof.rules import GENESIS_TOPIC
from infra.views.tables import Key, Row, Table, elements
from projections.base import ITSELF, EntryMetadata, Fact, Fold, Projection


class FoldError(Exception):
    """A fact could not be folded: the bytes are not of their topic's shape, or a fold is wrong."""

    def __init__(self, position: int, topic: str, cause: BaseException) -> None:
        super().__init__(f"the event at position {position} ({topic}) cannot be folded: {type(cause).__name__}")
        self.position = position


class Routes:
    """Which folds of which models a topic goes to."""

    def __init__(self, models: Iterable[Projection[Any]]) -> None:
        self._by_topic: dict[str, tuple[tuple[str, Fold[Any]], ...]] = {}
        self._every: tuple[tuple[str, Fold[Any]], ...] = ()
        for model in models:
            for topic, fold in model.folds.items():
                self._by_topic[topic] = (*self._by_topic.get(topic, ()), (model.name, fold))
            if model.every is not None:
                self._every = (*self._every, (model.name, model.every))
        for topic, folds in self._by_topic.items():
            self._by_topic[topic] = (*folds, *self._every)

    def folds(self, topic: str) -> tuple[tuple[str, Fold[Any]], ...]:
        """Return (model name, fold) pairs for a topic."""
        return self._by_topic.get(topic, self._every)


class BatchRows:
    """The rows of one model during one batch, over what its table held before (``projections.base.Rows``)."""

    def __init__(self, table: Table, db: sqlite3.Connection) -> None:
        self._table, self._db = table, db
        self._key = table.model.key
        self._before: dict[Key, Row | None] = {}
        self._now: dict[Key, Row | None] = {}
        self._found: dict[str, dict[str, dict[Key, None]]] = {column: {} for column in table.model.lookups}
        self._asked: set[tuple[str, str]] = set()

    def get(self, key: Key) -> Row | None:
        """Return a row by its key."""
        if key not in self._now:
            self._remember(key, self._table.load(self._db, key))
        return self._now[key]

    def having(self, column: str, value: str) -> tuple[Row, ...]:
        """Return the rows with this value in one of the model's lookups, ordered by key."""
        found = self._found[column]
        if (column, value) not in self._asked:
            self._asked.add((column, value))
            for row in self._table.having(self._db, column, value):
                if row[self._key] not in self._now:
                    self._remember(row[self._key], row)
        rows = (self._now[key] for key in found.get(value, ()))
        good = [row for row in rows if row is not None and value in self._values(column, row)]
        return tuple(sorted(good, key=lambda row: str(row[self._key])) if len(good) > 1 else good)

    def add(self, row: Row) -> None:
        """Store a row whose key is new."""
        key = row[self._key]
        if self._now.get(key) is not None:
            raise ValueError(f"a row with the key {key} is there already")
        self._before.setdefault(key, None)
        self._set(key, row)

    def put(self, row: Row) -> None:
        """Store a row in place of the one with its key."""
        self.get(row[self._key])
        self._set(row[self._key], row)

    def delete(self, key: Key) -> None:
        """Take a row away."""
        self.get(key)
        self._now[key] = None

    def flush(self) -> frozenset[str]:
        """Write what changed and return the values of the ``wakes`` column that changed rows had or have."""
        added: list[Row] = []
        changed: list[tuple[Row, Row]] = []
        deleted: list[Row] = []
        for key, now in self._now.items():
            before = self._before[key]
            if now is before:
                continue
            if now is None and before is not None:
                deleted.append(before)
            elif now is not None:
                changed.append((before, now)) if before is not None else added.append(now)
        self._table.write(self._db, added, changed, deleted)
        return self._woken((*added, *deleted, *(row for pair in changed for row in pair)))

    def _woken(self, rows: Iterable[Row]) -> frozenset[str]:
        column = self._table.model.wakes
        if column == ITSELF:
            return frozenset((self._table.model.name,)) if any(True for _ in rows) else frozenset()
        return frozenset(row[column] for row in rows) if column else frozenset()

    def _remember(self, key: Key, row: Row | None) -> None:
        self._before[key] = row
        self._set(key, row)

    def _set(self, key: Key, row: Row | None) -> None:
        self._now[key] = row
        if row is None or not self._found:
            return
        for column, found in self._found.items():
            for value in self._values(column, row):
                found.setdefault(value, {})[key] = None

    def _values(self, column: str, row: Row) -> list[Any]:
        model = self._table.model
        return elements(model, column, row) if column in model.many else [row[column]]


class Batch:
    """Folds entries into the rows of several models; nothing is written before :meth:`flush`."""

    def __init__(self, tables: Mapping[str, Table], routes: Routes, db: sqlite3.Connection) -> None:
        self._tables, self._routes, self._db = tables, routes, db
        self._rows: dict[str, BatchRows] = {}
        self.skipped = 0

    def fold(self, entries: Iterable[Entry]) -> None:
        """Fold whole entries in order; raises FoldError."""
        for entry, stored, metadata in _events(entries):
            folds = self._routes.folds(stored.topic)
            known = stored.topic in TOPICS
            self.skipped += not known and stored.topic != GENESIS_TOPIC
            if not folds:
                continue
            try:
                fact = _fact(entry, stored, event_of(stored) if known else None, metadata)
                for name, fold in folds:
                    if name in self._tables:  # a model that another version of the code is building is not ours
                        fold(self._rows_of(name), fact)
            except Exception as error:
                # Whatever a fold raises ends the runner: going on would build rows on a hole.
                raise FoldError(stored.position, stored.topic, error) from error

    def flush(self) -> Mapping[str, frozenset[str]]:
        """Write all models' changes; return per model whose waiters are to be woken."""
        woken = {name: rows.flush() for name, rows in self._rows.items()}
        return {name: values for name, values in woken.items() if values}

    def _rows_of(self, name: str) -> BatchRows:
        rows = self._rows.get(name)
        if rows is None:
            rows = self._rows[name] = BatchRows(self._tables[name], self._db)
        return rows


def _events(entries: Iterable[Entry]) -> Iterator[tuple[Entry, StoredEvent, EntryMetadata]]:
    for entry in entries:
        metadata = EntryMetadata(entry.metadata)
        for stored in entry.events:
            yield entry, stored, metadata


def _fact(entry: Entry, stored: StoredEvent, event: Event | None, metadata: EntryMetadata) -> Fact[Event | None]:
    return Fact(
        stored.position,
        entry.first_position,
        entry.recorded_at_us,
        stored.stream_id,
        stored.stream_version,
        stored.topic,
        stored.state,
        event,
        metadata,
    )

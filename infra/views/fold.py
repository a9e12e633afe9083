"""Folding one batch of entries in memory: rows are read when first asked for and written once at the end.

Where asking costs a round trip (``Generation.remote``) a batch is folded more than once: the first time only to learn
which rows the folds ask for, with none where one is not at hand; these are fetched all at once, and the models that
asked are folded again. A pass that asked for nothing new is the true one; its rows are written. Folds are pure, so that
a pass that guessed leaves nothing behind, and what it raised after its first guess says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from commands.ports.ledger import Entry, StoredEvent
from commands.stored import event_of
from domain.base import Event
from domain.registry import TOPICS
from infra.ledger.proof.rules import GENESIS_TOPIC
from infra.views.rows import elements
from infra.views.store import Changes, Generation, Key, Row, Written
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
    """The rows of one model during one batch, over what is stored of it (``projections.base.Rows``)."""

    def __init__(self, generation: Generation) -> None:
        self.generation, self.model = generation, generation.model
        self._key = self.model.key
        self._begin()

    def _begin(self) -> None:
        self._before: dict[Key, Row | None] = {}
        self._now: dict[Key, Row | None] = {}
        self._found: dict[str, dict[str, dict[Key, None]]] = {column: {} for column in self.model.lookups}
        self._asked: set[tuple[str, str]] = set()

    def settled(self) -> bool:
        """Tell whether every row that was asked for was at hand; where not, be ready for another pass."""
        return True

    @property
    def guessing(self) -> bool:
        """Whether a row was asked for in this pass that is not at hand."""
        return False

    def get(self, key: Key) -> Row | None:
        """Return a row by its key."""
        if key not in self._now:
            self._remember(key, self._stored(key))
        return self._now[key]

    def having(self, column: str, value: str) -> tuple[Row, ...]:
        """Return the rows with this value in one of the model's lookups, ordered by key."""
        found = self._found[column]
        if column in self.model.unique:
            for key in found.get(value, ()):
                row = self._now[key]
                if row is not None and row[column] == value:  # there is no other
                    return (row,)
        if (column, value) not in self._asked:
            self._asked.add((column, value))
            for row in self._stored_having(column, value):
                if row[self._key] not in self._now:
                    self._remember(row[self._key], row)
        good = self._live(column, found.get(value, ()), value)
        return tuple(sorted(good, key=lambda row: str(row[self._key]))) if len(good) > 1 else good

    def _live(self, column: str, keys: Iterable[Key], value: str) -> tuple[Row, ...]:
        """Return those of the rows that are there and still have the value."""
        rows = [row for key in keys if (row := self._now[key]) is not None]
        if column in self.model.many:
            return tuple(row for row in rows if value in elements(self.model, column, row))
        return tuple(row for row in rows if row[column] == value)

    def _stored(self, key: Key) -> Row | None:
        return next(iter(self.generation.load((key,))), None)

    def _stored_having(self, column: str, value: str) -> Iterable[Row]:
        return self.generation.having(column, (value,))

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

    def changes(self) -> Changes:
        """Return what the batch did to the stored rows."""
        changes = Changes()
        for key, now in self._now.items():
            before = self._before[key]
            if now is before:
                continue
            if now is None and before is not None:
                changes.deleted.append(before)
            elif now is not None:
                changes.changed.append((before, now)) if before is not None else changes.added.append(now)
        return changes

    def _remember(self, key: Key, row: Row | None) -> None:
        self._before[key] = row
        self._set(key, row)

    def _set(self, key: Key, row: Row | None) -> None:
        former = self._now.get(key)
        self._now[key] = row
        if row is None or not self._found:
            return
        for column, found in self._found.items():
            if former is not None and self._values(column, former) == self._values(column, row):
                continue
            for value in self._values(column, row):
                if value is not None:
                    found.setdefault(value, {})[key] = None

    def _values(self, column: str, row: Row) -> list[Any]:
        return elements(self.model, column, row) if column in self.model.many else [row[column]]


class DistantRows(BatchRows):
    """Rows of a store that is asked for many at once, between two passes."""

    def __init__(self, generation: Generation) -> None:
        super().__init__(generation)
        self._known: dict[Key, Row | None] = {}
        self._held: dict[tuple[str, str], list[Row]] = {}
        self._missed: dict[Key, None] = {}
        self._missed_values: dict[str, dict[str, None]] = {}

    def settled(self) -> bool:
        """Tell whether every row that was asked for was at hand; where not, fetch them and be ready for a pass."""
        if not self.guessing:
            return True
        for column, values in self._missed_values.items():
            self._hold(column, values)
        wanted = [key for key in self._missed if key not in self._known]
        self._known |= dict.fromkeys(wanted)
        self._known |= {row[self._key]: row for row in (self.generation.load(wanted) if wanted else ())}
        self._missed, self._missed_values = {}, {}
        self._begin()
        return False

    @property
    def guessing(self) -> bool:
        """Whether a row was asked for in this pass that is not at hand."""
        return bool(self._missed or self._missed_values)

    def _hold(self, column: str, values: Mapping[str, None]) -> None:
        self._held |= {(column, value): [] for value in values}
        for row in self.generation.having(column, tuple(values)):
            self._known[row[self._key]] = row
            for value in {*self._values(column, row)} & values.keys():
                self._held[column, value].append(row)

    def _stored(self, key: Key) -> Row | None:
        if key not in self._known:
            self._missed[key] = None
        return self._known.get(key)

    def _stored_having(self, column: str, value: str) -> Iterable[Row]:
        if (column, value) not in self._held:
            self._missed_values.setdefault(column, {})[value] = None
        return self._held.get((column, value), ())


_Folded = tuple[Fact[Event | None], tuple[tuple[str, Fold[Any]], ...]]


class Batch:
    """Folds entries into the rows of several models; what it did is asked for with :meth:`written`."""

    def __init__(self, generations: Mapping[str, Generation], routes: Routes) -> None:
        self._generations, self._routes = generations, routes
        self._rows: dict[str, BatchRows] = {}
        self.skipped = 0

    def fold(self, entries: Iterable[Entry]) -> None:
        """Fold whole entries in order; raises FoldError."""
        facts = list(self._facts(entries))
        again: Collection[str] = self._generations
        while again:
            for fact, folds in facts:
                for name, fold in folds:
                    if name in again:  # a model that another version of the code is building is not ours
                        self._one(name, fold, fact)
            again = {name for name, rows in self._rows.items() if not rows.settled()}

    def written(self) -> Written:
        """Return what the batch does to each model."""
        return [(rows.generation, rows.changes()) for rows in self._rows.values()]

    def _facts(self, entries: Iterable[Entry]) -> Iterator[_Folded]:
        for entry in entries:
            metadata = EntryMetadata(entry.metadata)
            for stored in entry.events:
                folds = self._routes.folds(stored.topic)
                known = stored.topic in TOPICS
                self.skipped += not known and stored.topic != GENESIS_TOPIC
                if folds:
                    yield _fact(entry, stored, metadata, known=known), folds

    def _one(self, name: str, fold: Fold[Any], fact: Fact[Event | None]) -> None:
        rows = self._rows.get(name)
        if rows is None:
            generation = self._generations[name]
            rows = self._rows[name] = DistantRows(generation) if generation.remote else BatchRows(generation)
        try:
            fold(rows, fact)
        except Exception as error:
            # Whatever a fold raises ends the runner: going on would build rows on a hole.
            if not rows.guessing:
                raise FoldError(fact.position, fact.topic, error) from error


def woken(written: Written) -> Mapping[str, frozenset[str]]:
    """Return per model the values of its ``wakes`` column that changed rows had or have."""
    found = {generation.model.name: _woken(generation.model, changes) for generation, changes in written}
    return {name: values for name, values in found.items() if values}


def _woken(model: Projection[Any], changes: Changes) -> frozenset[str]:
    rows = (*changes.added, *changes.deleted, *(row for pair in changes.changed for row in pair))
    if model.wakes == ITSELF:
        return frozenset((model.name,)) if rows else frozenset()
    return frozenset(row[model.wakes] for row in rows) if model.wakes else frozenset()


def _fact(entry: Entry, stored: StoredEvent, metadata: EntryMetadata, *, known: bool) -> Fact[Event | None]:
    try:
        event = event_of(stored) if known else None
    except Exception as error:
        # A ledger may hold any bytes: what is not of its topic's shape ends the runner.
        raise FoldError(stored.position, stored.topic, error) from error
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

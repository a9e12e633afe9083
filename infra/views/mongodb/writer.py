"""Writing read models in MongoDB: a turn reads freely, and its one step is guarded by what it read.

All of a writer's calls are in one causally consistent session with majority reads. So it never folds on rows older than
the position that it read, nor on rows that a failover may take back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pymongo
from bson.binary import UUID_SUBTYPE, Binary
from pymongo import DeleteOne, InsertOne, ReplaceOne, WriteConcern
from pymongo.client_session import ClientSession
from pymongo.collection import Collection, ReturnDocument
from pymongo.errors import BulkWriteError, PyMongoError

from domain.errors import Unavailable
from infra.mongodb.connection import MongoConnection
from infra.views.mongodb.documents import Document, Index, Shape
from infra.views.mongodb.state import GRACE_MS, LEASES, ONE, STATE, database_of, leasing, mark_of, marked, swapping
from infra.views.store import NOTHING, Changes, Generation, Key, Mark, Overtaken, Row, Superseded, Written
from projections.base import Projection

_INDEX_SECONDS = 3_600


class StoredCollection:
    """One generation of a model, through one writer's session."""

    remote = True

    def __init__(self, writer: MongoViewWriter, shape: Shape, number: int, *, empty: bool = False) -> None:
        self._writer, self.shape, self.number, self._empty = writer, shape, number, empty
        self.model = shape.model
        self.rows: Collection[Document] = writer.database[shape.collection(number)]

    def load(self, keys: Sequence[Key]) -> list[Row]:
        """Return the rows with these keys, as far as there are any."""
        return self._found("_id", keys)

    def having(self, column: str, values: Sequence[str]) -> list[Row]:
        """Return the rows with one of these values in one of the model's lookups."""
        return self._found(column, values)

    def _found(self, field: str, values: Sequence[Any]) -> list[Row]:
        if self._empty:
            return []
        with self._writer.reaching():
            found = self.rows.find({field: {"$in": list(values)}}, session=self._writer.session)
            return [self.shape.row(one) for one in found]

    def write(self, changes: Changes) -> None:
        """Write what a batch does to the rows; the caller guards it."""
        key = self.model.key
        acts: list[InsertOne[Document] | ReplaceOne[Document] | DeleteOne] = [
            *(DeleteOne({"_id": row[key]}) for row in changes.deleted),
            *(InsertOne(self.shape.document(row)) for row in changes.added),
            *(ReplaceOne({"_id": row[key]}, self.shape.document(row)) for _, row in changes.changed),
        ]
        if acts:
            self.rows.bulk_write(acts, ordered=False, session=self._writer.session)
            self._empty = False

    def index(self, indexes: Sequence[Index]) -> None:
        """Make some of the model's indexes."""
        made = [pymongo.IndexModel([(field, 1) for field in one.fields], name=one.name) for one in indexes]
        if made:
            with pymongo.timeout(_INDEX_SECONDS):
                self.rows.create_indexes(made, session=self._writer.session)


class MongoTurn:
    """A look at the state; what is written names the turn that was read."""

    def __init__(self, writer: MongoViewWriter, state: Document) -> None:
        self._writer, self._state, self.mark = writer, state, mark_of(state)
        self.current: dict[str, Generation] = {
            name: StoredCollection(writer, writer.shapes[name], held["generation"])
            for name, held in state["models"].items()
            if name in writer.shapes and writer.shapes[name].model.version == held["version"]
        }

    def write(self, changes: Written, following: Mark) -> None:
        """Write all models' rows and the new mark in one transaction. Raises Overtaken."""
        with self._writer.transaction():
            self._step({"$set": marked(following)})
            _write(changes)
        self._writer.saw(following.position)

    def swap(self, fresh: Sequence[Generation], following: Mark | None) -> None:
        """Make built generations the current ones by one update. Raises Overtaken and Superseded."""
        named = [(one.model.name, one.model.version, one.number) for one in fresh]
        held = self._state["models"]
        gone = [self._writer.shapes[name].collection(held[name]["generation"]) for name, _, _ in named if name in held]
        ours = {f"builds.{name}": number for name, _, number in named}
        if any(self._state["builds"].get(name) != number for name, _, number in named):
            raise Superseded
        self._step(swapping(named, gone, marked(following or self.mark)), **ours)

    def reset(self) -> None:
        """Declare every model unbuilt and the position 0. Raises Overtaken."""
        self._step({"$set": {**marked(NOTHING), "models": {}}})
        self._writer.saw(0)

    def forget(self, names: Sequence[str]) -> None:
        """Take models out of the state. Raises Overtaken."""
        self._step({"$set": marked(self.mark), "$unset": {f"models.{name}": "" for name in names}})

    def _step(self, update: Any, **further: Any) -> None:
        guard = {**ONE, "turn": self._state["turn"], **further}
        with self._writer.reaching():
            state = self._writer.database[STATE]
            if not state.update_one(guard, update, session=self._writer.session).matched_count:
                raise Overtaken


class MongoViewWriter:
    """Adapter of :class:`infra.views.store.Writer`; ``saw`` is told each position that was written or read."""

    def __init__(self, connection: MongoConnection, shapes: Mapping[str, Shape], saw: Any) -> None:
        self._connection, self.shapes, self.saw = connection, shapes, saw
        self.database = database_of(connection)
        self.session: ClientSession = connection.client.start_session(causal_consistency=True)
        self._holder = bytes(self.session.session_id["id"]).hex()
        self._held: set[str] = set()

    @contextlib.contextmanager
    def reaching(self) -> Iterator[None]:
        """Run calls of the driver; inside a transaction its end decides what a failure means. Raises Unavailable."""
        if self.session.in_transaction:
            yield
            return
        with self._connection.reaching():
            yield

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Raises Overtaken where another process was first, or a failover came between."""
        with self._connection.reaching():
            try:
                with self.session.start_transaction(write_concern=self.database.write_concern):
                    yield
            except BulkWriteError as error:
                if not error.has_error_label("TransientTransactionError"):
                    raise ValueError(f"the store refuses a row: {error.code}") from None
                raise Overtaken from error
            except PyMongoError as error:
                if not error.has_error_label("TransientTransactionError"):
                    raise
                raise Overtaken from error

    def _state(self) -> Document:
        with self.reaching():
            state = self.database[STATE].find_one(ONE, session=self.session)
        assert state is not None, "the store makes its state when it is opened"
        return state

    def mark(self) -> Mark:
        """Return where the folding stands now."""
        mark = mark_of(self._state())
        self.saw(mark.position)
        return mark

    @contextlib.contextmanager
    def turn(self) -> Iterator[MongoTurn]:
        """Look at the store, to take one step on."""
        yield MongoTurn(self, self._state())

    def lease(self, name: str, seconds: float) -> bool:
        """Take or renew a lease, by the database's clock; what its former holder left open is ended."""
        leases = self.database.get_collection(LEASES, write_concern=WriteConcern(w=1))
        with self.reaching():
            found: Any = leases.find_one_and_update(
                {"_id": name}, leasing(self._holder, seconds), upsert=True, return_document=ReturnDocument.AFTER
            )
            if found["holder"] != self._holder:
                return False
            if name not in self._held and found["former"]:
                # A process that was killed in a transaction holds its rows for a minute: nobody else could fold.
                former = Binary(bytes.fromhex(found["former"]), UUID_SUBTYPE)
                self._connection.client.admin.command("killSessions", [{"id": former}])
        self._held.add(name)
        return True

    def release(self, name: str) -> None:
        """Give a lease back, if it is ours."""
        self._held.discard(name)
        with self.reaching():
            self.database[LEASES].delete_one({"_id": name, "holder": self._holder})

    def begin(self, models: Sequence[Projection[Any]]) -> Sequence[StoredCollection]:
        """Make empty collections with the indexes that folds need; what a former attempt left goes."""
        with self.reaching():
            # Noted before they are made: what is not noted may be dropped by anybody.
            counted: Any = self.database[STATE].find_one_and_update(
                ONE, {"$inc": {"counter": 1}}, session=self.session, return_document=ReturnDocument.AFTER
            )
            number = counted["counter"]
            noted = {f"builds.{model.name}": number for model in models}
            self.database[STATE].update_one(ONE, {"$set": noted}, session=self.session)
            self.tidy()
            fresh = [StoredCollection(self, self.shapes[model.name], number, empty=True) for model in models]
            for one in fresh:
                self.database.create_collection(one.rows.name, session=self.session)
                one.index([index for index in one.shape.indexes if one.shape.first(index)])
        return fresh

    def fill(self, changes: Written) -> None:
        """Write rows of collections that nobody reads yet."""
        with self.reaching():
            _write(changes)

    def index(self, fresh: Sequence[Generation]) -> None:
        """Make the indexes that only readers need."""
        for one in fresh:
            assert isinstance(one, StoredCollection)
            with self.reaching():
                one.index([index for index in one.shape.indexes if not one.shape.first(index)])

    def tidy(self) -> None:
        """Drop what nobody reads and nobody builds: other models' rows, replaced generations after a while."""
        with self.reaching():
            # Collections first: one that is made later is noted before.
            there = [name for name in self.database.list_collection_names(session=self.session) if name.count("_") > 1]
            state = self._state()
            unknown = [name for name in state["models"] if name not in self.shapes]
            if unknown:
                with contextlib.suppress(Overtaken):  # the next start finds them again
                    MongoTurn(self, state).forget(unknown)
            kept = self._kept(state)
            for name in there:
                if name not in kept:
                    self.database.drop_collection(name, session=self.session)

    def _kept(self, state: Document) -> set[str]:
        """Return the collections that somebody reads or builds, and note which of the replaced are so no more."""
        current = {f"views_{name}_{held['generation']}" for name, held in state["models"].items()}
        building = {f"views_{name}_{number}" for name, number in state["builds"].items()}
        recent = {"$gt": ["$$one.at", {"$subtract": ["$$NOW", GRACE_MS]}]}
        kept = {"$filter": {"input": "$replaced", "as": "one", "cond": recent}}
        after: Any = self.database[STATE].find_one_and_update(
            ONE, [{"$set": {"replaced": kept}}], session=self.session, return_document=ReturnDocument.AFTER
        )
        return current | building | {one["name"] for one in after["replaced"]}

    def close(self) -> None:
        """Let go of the session; leases are given back."""
        for name in tuple(self._held):
            with contextlib.suppress(Unavailable):  # it runs out by itself
                self.release(name)
        self.session.end_session()


def _write(changes: Written) -> None:
    for generation, change in changes:
        assert isinstance(generation, StoredCollection)
        generation.write(change)

"""The read models in a MongoDB replica set."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bson.errors import BSONError
from pymongo.errors import OperationFailure

from domain.errors import Unavailable
from infra.mongodb.connection import MongoConnection
from infra.views.mongodb.documents import Shape
from infra.views.mongodb.pages import MongoReading
from infra.views.mongodb.state import ONE, STATE, database_of, mark_of, prepare
from infra.views.mongodb.writer import MongoViewWriter
from infra.views.store import Reading, being_built, no_value
from infra.views.views import StoredViews
from projections.base import Projection

T = TypeVar("T")

_SNAPSHOTS = frozenset({239, 246})
"""SnapshotTooOld, SnapshotUnavailable: a collection was just made or dropped; another look has a newer snapshot."""
_TRIES, _PAUSE_SECONDS = 20, 0.01


class MongoViews(StoredViews):
    """The read models beside the ledger of a replica set, in a database of their own."""

    def __init__(self, connection: MongoConnection, models: Sequence[Projection[Any]]) -> None:
        super().__init__(MongoViewStore(connection, models))


class _Again(Exception):
    """The look was too early; another one is needed."""


class MongoViewStore:
    """Adapter of :class:`infra.views.store.ViewStore`: each read is one snapshot of what a majority has.

    A new primary may for a moment show less than was acknowledged; what is older than this process has seen before is
    looked at again, and not shown.
    """

    def __init__(self, connection: MongoConnection, models: Sequence[Projection[Any]]) -> None:
        self.models = tuple(models)
        self._connection, self._database = connection, database_of(connection)
        self._shapes = {model.name: Shape(model) for model in models}
        self._seen, self._lock = 0, threading.Lock()
        with connection.reaching():
            prepare(self._database)

    def writer(self) -> MongoViewWriter:
        """Return a writer for the calling thread."""
        return MongoViewWriter(self._connection, self._shapes, self._saw)

    def _saw(self, position: int) -> None:
        with self._lock:
            self._seen = position if position == 0 else max(self._seen, position)

    def read(self, model: Projection[Any], ask: Callable[[Reading], T]) -> T:
        """Ask one state of a model. Raises Unavailable, and InvalidInput for values that BSON does not have."""
        for _ in range(_TRIES):
            try:
                with self._connection.reaching():
                    return self._read(model, ask)
            except _Again:
                time.sleep(_PAUSE_SECONDS)
            except (UnicodeEncodeError, OverflowError, BSONError):
                raise no_value() from None
        raise Unavailable(
            "the database shows less than this process has seen before",
            rule="views-behind",
            fix="ask again in a moment; if it stays so, look at the replica set",
        )

    def _read(self, model: Projection[Any], ask: Callable[[Reading], T]) -> T:
        floor = self._seen
        try:
            with self._connection.client.start_session(snapshot=True) as session:
                state = self._database[STATE].find_one(ONE, session=session)
                if state is None or state["position"] < min(floor, self._seen):
                    raise _Again
                held = state["models"].get(model.name)
                if held is None or held["version"] != model.version:
                    raise being_built(model)
                shape = self._shapes[model.name]
                rows = self._database[shape.collection(held["generation"])]
                return ask(MongoReading(shape, rows, session, mark_of(state).position))
        except OperationFailure as failure:
            if failure.code in _SNAPSHOTS:
                raise _Again from failure
            raise

    def close(self) -> None:
        """Nothing is held open between reads; the connection is its owner's to close."""

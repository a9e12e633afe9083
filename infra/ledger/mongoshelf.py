"""The library's snapshots and bookmarks in MongoDB, beside the chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bson.int64 import Int64
from pymongo.errors import BulkWriteError, DuplicateKeyError

from commands.ports.ledger import LedgerUnavailable
from domain.errors import Unavailable
from infra.ledger.documents import BOOKMARKS, SNAPSHOTS
from infra.ledger.mongoreads import MongoReads
from infra.ledger.plan import TrackingConflict
from infra.ledger.shelf import Snapshot, SnapshotConflict
from infra.mongodb.connection import MongoConnection

_TAKEN = 11_000


class MongoShelf:
    """Adapter of :class:`infra.ledger.shelf.Shelf`.

    A bookmark that moves with an entry stands in the entry's document, so both are stored or neither; one that moves
    alone stands in a collection of its own. The later one counts.
    """

    def __init__(self, connection: MongoConnection) -> None:
        self._connection, self._reads = connection, MongoReads(connection)
        self._snapshots, self._bookmarks = connection.database[SNAPSHOTS], connection.database[BOOKMARKS]

    def put(self, purpose: str, snapshots: Sequence[Snapshot]) -> None:
        """Store snapshots, all or none."""
        documents = [
            {
                "_id": {"purpose": purpose, "stream": one.stream_id, "version": Int64(one.stream_version)},
                **one._asdict(),
            }
            for one in snapshots
        ]
        if not documents:
            return
        with self._reaching(), self._connection.client.start_session() as session, session.start_transaction():
            self._snapshots.insert_many(documents, session=session)

    def snapshots(self, purpose: str, stream_id: str) -> Sequence[Snapshot]:
        """Return the snapshots of one stream, by version."""
        with self._reaching():
            found = self._snapshots.find({"_id.purpose": purpose, "_id.stream": stream_id}).sort("_id.version", 1)
            return [Snapshot(stream_id, one["_id"]["version"], one["topic"], one["state"]) for one in found]

    def track(self, name: str, position: int) -> None:
        """Move an application's bookmark on."""
        known = self.tracked(name)
        if known is not None and position <= known:
            raise TrackingConflict(name, position)
        earlier = {"_id": name, "position": {"$lt": position}}
        try:
            with self._reaching():
                self._bookmarks.update_one(earlier, {"$set": {"position": Int64(position)}}, upsert=True)
        except SnapshotConflict:
            raise TrackingConflict(name, position) from None

    def tracked(self, name: str) -> int | None:
        """Return an application's bookmark."""
        with self._reaching(), self._reads.session() as session:
            alone = self._bookmarks.find_one({"_id": name}, session=session)
            known = [self._reads.tracked(session, name), int(alone["position"]) if alone else None]
        return max((one for one in known if one is not None), default=None)

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        try:
            with self._connection.reaching():
                yield
        except Unavailable as error:
            if _is_there(error.__cause__):
                raise SnapshotConflict("it is there") from error
            raise LedgerUnavailable(error.message) from error


def _is_there(error: BaseException | None) -> bool:
    if isinstance(error, BulkWriteError):
        return any(one["code"] == _TAKEN for one in (error.details or {}).get("writeErrors", []))
    return isinstance(error, DuplicateKeyError)

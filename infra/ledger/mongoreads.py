"""Reads of the MongoDB store: what a majority of the nodes has on disk, and never less than this process saw before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from bson.timestamp import Timestamp
from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, PyMongoError
from pymongo.read_concern import ReadConcern

from commands.ports.ledger import Entry, Head, LedgerUnavailable, StoredEvent
from domain.errors import Unavailable
from infra.ledger.documents import DETAILS, ENTRIES, Damaged, Document, entry_of, event_of
from infra.ledger.proof.hashing import ZERO_HASH
from infra.mongodb.connection import MongoConnection

_LAST = [("_id", -1)]
_AT_A_POSITION = {"_id": {"$gte": 1}}
_HEAD = {"n": 1, "hash": 1, "at": 1}
_MANY = 10_000
_TAKEN = 11_000


class MongoReads:
    """Queries on one database's ledger.

    A new primary may for a moment know less than what a majority has confirmed to us. So every read is told how far
    this process has seen (causal consistency): it waits for that, and readers never go back.
    """

    def __init__(self, connection: MongoConnection) -> None:
        self._connection = connection
        self.entries = connection.database[ENTRIES]
        self.details = connection.database[DETAILS]
        self._settled = self.entries.with_options(read_concern=ReadConcern("linearizable"))
        self._seen: tuple[Timestamp, Mapping[str, Any]] | None = None
        self._lock = Lock()
        self._closed = False

    def close(self) -> None:
        """Refuse every read from now on; the connection belongs to whoever made it."""
        self._closed = True

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Run calls of the driver. Raises LedgerUnavailable."""
        if self._closed:
            raise LedgerUnavailable("the ledger is closed")
        try:
            with self._connection.reaching():
                yield
        except Unavailable as error:
            raise LedgerUnavailable(error.message) from error

    def refuse_while_lost(self) -> None:
        """Raise LedgerUnavailable at once where there has been no primary for some seconds: nothing is to be sent."""
        with self.reaching():
            pass

    @contextmanager
    def session(self) -> Iterator[ClientSession]:
        """Give a session whose reads see at least what this process saw before."""
        with self._connection.client.start_session(causal_consistency=True) as session:
            if self._seen is not None:
                session.advance_operation_time(self._seen[0])
                session.advance_cluster_time(self._seen[1])
            yield session
            self._note(session)

    def head(self) -> Head:
        """Return where the chain ends, as a majority has it, and never before what this process has seen.

        Not linearizable: that costs 10 ms on three nodes and 100 ms on one (measured), on every call that decides at
        the head. A primary that was cut off may answer without the newest entries until it steps down (the election
        timeout); what is decided then does not get in, for nothing can be stored there.
        """
        with self.reaching(), self.session() as session:
            return self.head_and_time(session)[0]

    def head_and_time(self, session: ClientSession) -> tuple[Head, int]:
        """Return where the chain ends and when its last entry was recorded (microseconds since 1970)."""
        return _head(self.entries.find_one(_AT_A_POSITION, _HEAD, sort=_LAST, session=session))

    def hashes(self, positions: Sequence[int]) -> dict[int, bytes]:
        """Return position -> entry hash of those that are stored for good; waits until a majority confirms it."""
        found = self._settled.find({"_id": {"$in": list(positions)}}, {"hash": 1}, batch_size=_MANY)
        return {one["_id"]: one["hash"] for one in found}

    def tails(self, session: ClientSession, claims: Mapping[str, int]) -> dict[str, int]:
        """Return the last version of each stream whose version is at least the one claimed of it.

        A stream that has not come that far is not among them; for the plan it is one that cannot be built on.
        """
        new = [stream for stream, version in claims.items() if version <= 0]
        old = ({"events": {"$elemMatch": {"stream": s, "version": {"$gte": v}}}} for s, v in claims.items() if v > 0)
        parts = [*([{"events.stream": {"$in": new}}] if new else []), *old]
        tails: dict[str, int] = {}
        if not parts:
            return tails
        wanted = {"_id": 0, "events.stream": 1, "events.version": 1}
        for one in self.entries.find({"$or": parts}, wanted, session=session, batch_size=_MANY):
            for event in one["events"]:
                stream, version = event["stream"], int(event["version"])
                if claims.get(stream, version + 1) <= version:
                    tails[stream] = max(version, tails.get(stream, version))
        return tails

    def by_keys(self, session: ClientSession, keys: Sequence[str]) -> dict[str, Entry]:
        """Return hashed idempotency key -> entry."""
        if not keys:
            return {}
        found = list(self.entries.find({"key": {"$in": list(keys)}}, session=session))
        return {str(entry.idempotency): entry for entry in self._with_details(found, session)}

    def tracked(self, session: ClientSession, name: str) -> int | None:
        """Return the bookmark that stands with an entry."""
        found = self.entries.find_one(
            {"track.name": name}, {"track": 1}, sort=[("track.position", -1)], session=session
        )
        return int(found["track"]["position"]) if found else None

    def stream(self, stream_id: str, after: int) -> list[StoredEvent]:
        """Return a stream's events above a version, in order."""
        wanted = {"events": {"$elemMatch": {"stream": stream_id, "version": {"$gt": after}}}}
        with self.reaching(), self.session() as session:
            found = list(self.entries.find(wanted, {"events": 1}, session=session))
        events = (event_of(one, doc["_id"] + k) for doc in found for k, one in enumerate(doc["events"]))
        mine = [event for event in events if event.stream_id == stream_id and event.stream_version > after]
        return sorted(mine, key=lambda event: event.stream_version)

    def page(self, first_position: int, limit: int) -> list[Entry]:
        """Return whole entries from the one that holds a position."""
        with self.reaching(), self.session() as session:
            found = list(
                self.entries.find({"_id": {"$gte": first_position}}, session=session).sort("_id", 1).limit(limit)
            )
            if not found or found[0]["_id"] != first_position:
                before = self.entries.find_one({"_id": {"$lt": first_position}}, sort=_LAST, session=session)
                if before is not None and first_position < before["_id"] + before["n"]:
                    found = [before, *found][:limit]
            return self._with_details(found, session)

    def by_key(self, idempotency: str) -> Entry | None:
        """Return the entry of a hashed idempotency key."""
        with self.reaching(), self.session() as session:
            return self.by_keys(session, [idempotency]).get(idempotency)

    def store_details(self, documents: Sequence[Document], session: ClientSession | None = None) -> None:
        """Store details durably, before their entries; some may be there from an attempt before."""
        if not documents:
            return
        try:
            self.details.insert_many(documents, ordered=False, session=session)
        except BulkWriteError as error:
            told = error.details or {}
            if told.get("writeConcernErrors") or any(one["code"] != _TAKEN for one in told.get("writeErrors", [])):
                raise

    def stray(self) -> int:
        """Return how many documents stand at no position at all."""
        with self.reaching():
            return self.entries.count_documents({"_id": {"$not": _AT_A_POSITION["_id"]}})

    def _with_details(self, found: Sequence[Document], session: ClientSession) -> list[Entry]:
        salts = [one.get("salt") for one in found]
        details: dict[bytes, bytes] = {}
        if salts:
            rows = self.details.find({"_id": {"$in": salts}}, session=session, batch_size=_MANY)
            details = {row["_id"]: row["details"] for row in rows}
        return [entry_of(one, details.get(one.get("salt", b""))) for one in found]

    def _note(self, session: ClientSession) -> None:
        time, cluster = session.operation_time, session.cluster_time
        if time is None or cluster is None:
            return
        with self._lock:
            if self._seen is None or time > self._seen[0]:
                self._seen = time, cluster


def _head(found: Document | None) -> tuple[Head, int]:
    if found is None:
        return Head(0, ZERO_HASH), 0
    try:
        return Head(int(found["_id"] + found["n"] - 1), found["hash"]), int(found["at"])
    except (KeyError, TypeError) as error:
        raise Damaged(found["_id"], str(error)) from None


def is_refusal(error: PyMongoError, codes: frozenset[int]) -> bool:
    """Say whether the server said no, for one of these reasons."""
    return getattr(error, "code", None) in codes

"""The ledger's collections in MongoDB, and the form of an entry there: one document.

``{_id: first position, n, prev, hash, at, salt, meta, key, events: [{stream, version, topic, nonce, state}]}``; ``key``
is absent where there is none. Details stand in a collection of their own, since what is in the ledger's is never
changed: ``{_id: the entry's salt, details}``. The salt is random, is drawn once and is kept when an entry is chained
anew, so details are stored *before* their entry and a crash between the two leaves details without an entry, never an
entry whose details are missing (which every verifier would take for erased ones).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bson.int64 import Int64
from pymongo import IndexModel

from commands.ports.ledger import Entry, LedgerUnavailable, StoredEvent
from infra.ledger.proof.hashing import EntryBytes
from infra.mongodb.parts import APPENDS, Kept, Part

Document = dict[str, Any]

ENTRIES, DETAILS, BOOKMARKS, SNAPSHOTS = "ledger", "ledger_details", "ledger_bookmarks", "ledger_snapshots"

LEDGER = Part(
    "ledger",
    1,
    (
        Kept(
            ENTRIES,
            (
                # Unique across documents only: what one document repeats is found by the writer's plan.
                IndexModel([("events.stream", 1), ("events.version", 1)], name="stream", unique=True),
                IndexModel("key", name="key", unique=True, partialFilterExpression={"key": {"$exists": True}}),
                IndexModel(
                    [("track.name", 1), ("track.position", -1)],
                    name="track",
                    partialFilterExpression={"track.name": {"$exists": True}},
                ),
            ),
            may=APPENDS,
        ),
        Kept(DETAILS, may=APPENDS, erasable=True),
        Kept(BOOKMARKS),
        Kept(SNAPSHOTS),
    ),
)


class Damaged(LedgerUnavailable):
    """A document that no writer of ours stored."""

    def __init__(self, position: object, what: str) -> None:
        super().__init__(f"the document {position!r} of the ledger is no entry: {what}; run: sslclm ledger verify")
        self.position = int(position) if isinstance(position, int | float) else 1
        self.what = what


def document_of(entry: EntryBytes, track: tuple[str, int] | None = None) -> Document:
    """Return the document of an entry; ``track``: a bookmark of the library that moves with it."""
    made: Document = {
        "_id": Int64(entry.first_position),
        "n": len(entry.events),
        "prev": entry.prev_hash,
        "hash": entry.entry_hash,
        "at": Int64(entry.recorded_at_us),
        "salt": entry.metadata_salt,
        "meta": entry.metadata,
        "events": [
            {
                "stream": e.stream_id,
                "version": Int64(e.stream_version),
                "topic": e.topic,
                "nonce": e.nonce,
                "state": e.state,
            }
            for e in entry.events
        ],
    }
    if entry.idempotency is not None:
        made["key"] = entry.idempotency
    if track is not None:
        made["track"] = {"name": track[0], "position": Int64(track[1])}
    return made


def details_of(entries: Sequence[EntryBytes]) -> list[Document]:
    """Return the documents of these entries' details."""
    return [{"_id": e.metadata_salt, "details": e.details} for e in entries if e.details is not None]


def entry_of(document: Mapping[str, Any], details: bytes | None) -> Entry:
    """Return the entry of a document. Raises Damaged where it is none."""
    first = document["_id"]
    try:
        first = _whole(first)
        entry = Entry(
            first_position=first,
            recorded_at_us=_whole(document["at"]),
            prev_hash=_bytes(document["prev"]),
            entry_hash=_bytes(document["hash"]),
            metadata_salt=_bytes(document["salt"]),
            metadata=_bytes(document["meta"]),
            details=details if details is None else _bytes(details),
            idempotency=_text(document["key"]) if "key" in document else None,
            events=tuple(event_of(event, first + k) for k, event in enumerate(document["events"])),
        )
    except (KeyError, TypeError) as error:
        raise Damaged(first, str(error)) from None
    if document.get("n") != len(entry.events):
        raise Damaged(first, f"it claims {document.get('n')} events and has {len(entry.events)}")
    return entry


def event_of(event: Mapping[str, Any], position: int) -> StoredEvent:
    """Return an event of an entry's document."""
    return StoredEvent(
        position,
        _text(event["stream"]),
        _whole(event["version"]),
        _text(event["topic"]),
        _bytes(event["nonce"]),
        _bytes(event["state"]),
    )


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise TypeError(f"{type(value).__name__} where a whole number stands")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} where text stands")


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    raise TypeError(f"{type(value).__name__} where bytes stand")

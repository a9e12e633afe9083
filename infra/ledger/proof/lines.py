"""The lines of an export (``sslclm-ledger-export/1``): each is one strict JSON object, written and read here."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.ledger.proof.hashing import EntryBytes, EventBytes
from infra.ledger.proof.rules import RuleBroken, check_identity, strict_json

FORMAT = "sslclm-ledger-export/1"

_HASH = 32
_HEADER = {"format": str, "ledger_id": str, "origin": str, "first_position": int, "tree_frontier": list}
_ENTRY = {
    "first_position": int,
    "recorded_at_us": int,
    "prev_hash": str,
    "entry_hash": str,
    "metadata_salt": str,
    "metadata": str,
    "events": list,
}
_EVENT = {"stream_id": str, "stream_version": int, "topic": str, "nonce": str, "state": str}
_TRAILER = {"entries": int, "events": int, "head": str, "checkpoints": list}


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. ``tree_frontier``: roots of the full subtrees left of ``first_position``, largest first."""

    ledger_id: str
    origin: str
    first_position: int = 1
    tree_frontier: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedEvent:
    """One event of an entry line."""

    stream_id: str
    stream_version: int
    topic: str
    nonce: bytes
    state: bytes


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """One entry line; ``idempotency`` is what its metadata says."""

    first_position: int
    recorded_at_us: int
    prev_hash: bytes
    entry_hash: bytes
    metadata_salt: bytes
    metadata: bytes
    details: bytes | None
    idempotency: str | None
    events: tuple[ExportedEvent, ...]


@dataclass(frozen=True, slots=True)
class Trailer:
    """The last line; a file without it was cut off. ``checkpoints`` are signed notes, verbatim."""

    entries: int
    events: int
    head: bytes
    checkpoints: tuple[str, ...] = ()


def write_header(header: Header) -> bytes:
    """Return the first line."""
    return _line(
        {
            "format": FORMAT,
            "ledger_id": header.ledger_id,
            "origin": header.origin,
            "first_position": header.first_position,
            "tree_frontier": [_b64(root) for root in header.tree_frontier],
        }
    )


def write_entry(entry: EntryBytes) -> bytes:
    """Return an entry's line; erased details are left out."""
    fields: dict[str, Any] = {
        "first_position": entry.first_position,
        "recorded_at_us": entry.recorded_at_us,
        "prev_hash": _b64(entry.prev_hash),
        "entry_hash": _b64(entry.entry_hash),
        "metadata_salt": _b64(entry.metadata_salt),
        "metadata": _b64(entry.metadata),
    }
    if entry.details is not None:
        fields["details"] = _b64(entry.details)
    return _line({**fields, "events": [_event_fields(event) for event in entry.events]})


def write_trailer(trailer: Trailer) -> bytes:
    """Return the last line."""
    return _line(
        {
            "entries": trailer.entries,
            "events": trailer.events,
            "head": _b64(trailer.head),
            "checkpoints": list(trailer.checkpoints),
        }
    )


def read_header(line: bytes) -> Header:
    """Read the first line; raises RuleBroken."""
    fields = _members(strict_json(line, what="the first line"), _HEADER)
    if fields["format"] != FORMAT:
        raise RuleBroken("format", f"the format is not {FORMAT}")
    check_identity(fields["ledger_id"], fields["origin"])
    first, roots = fields["first_position"], tuple(_bytes(root) for root in fields["tree_frontier"])
    if first < 1 or len(roots) != (first - 1).bit_count() or any(len(root) != _HASH for root in roots):
        raise RuleBroken("frontier", f"the tree frontier does not fit a start at position {first}")
    return Header(fields["ledger_id"], fields["origin"], first, roots)


def read_line(line: bytes) -> ExportedEntry | Trailer:
    """Read any line after the first; raises RuleBroken."""
    fields = strict_json(line, what="the line")
    if "entries" in fields:
        _members(fields, _TRAILER)
        checkpoints = tuple(fields["checkpoints"])
        if not all(isinstance(note, str) for note in checkpoints):
            raise RuleBroken("line", "a checkpoint is not a text")
        return Trailer(fields["entries"], fields["events"], _bytes(fields["head"]), checkpoints)
    return _read_entry(_members(fields, _ENTRY, optional={"details": str}))


def _read_entry(fields: Mapping[str, Any]) -> ExportedEntry:
    metadata = _bytes(fields["metadata"])
    return ExportedEntry(
        first_position=fields["first_position"],
        recorded_at_us=fields["recorded_at_us"],
        prev_hash=_bytes(fields["prev_hash"]),
        entry_hash=_bytes(fields["entry_hash"]),
        metadata_salt=_bytes(fields["metadata_salt"]),
        metadata=metadata,
        details=_bytes(fields["details"]) if "details" in fields else None,
        idempotency=_idempotency(metadata),
        events=tuple(_read_event(event) for event in fields["events"]),
    )


def _idempotency(metadata: bytes) -> str | None:
    """Return the metadata's idempotency key; it is parsed only where the name can stand in it, spelt out or escaped."""
    if b"idempotency" not in metadata and b"\\" not in metadata:
        return None
    return strict_json(metadata, what="the metadata").get("idempotency")


def _read_event(fields: object) -> ExportedEvent:
    if not isinstance(fields, dict):
        raise RuleBroken("line", "an event is not a JSON object")
    known = _members(fields, _EVENT)
    return ExportedEvent(
        known["stream_id"], known["stream_version"], known["topic"], _bytes(known["nonce"]), _bytes(known["state"])
    )


def _members(
    fields: dict[str, Any], wanted: Mapping[str, type], optional: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Return the fields when they are exactly the wanted members, each of exactly its type."""
    known = {**wanted, **(optional or {})}
    if not (wanted.keys() <= fields.keys() <= known.keys()):
        raise RuleBroken("line", f"the members are not {', '.join(known)}")
    for name, value in fields.items():
        if type(value) is not known[name]:
            raise RuleBroken("line", f"member {name} has the wrong type")
    return fields


def _event_fields(event: EventBytes) -> dict[str, Any]:
    return {
        "stream_id": event.stream_id,
        "stream_version": event.stream_version,
        "topic": event.topic,
        "nonce": _b64(event.nonce),
        "state": _b64(event.state),
    }


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def _b64(data: bytes) -> str:
    return b64encode(data).decode()


def _bytes(text: object) -> bytes:
    """Read canonical base64: standard alphabet, padded, no bits left over."""
    try:
        data = b64decode(text, validate=True) if isinstance(text, str) else None
    except (Base64Error, ValueError):
        data = None
    if data is None or _b64(data) != text:
        raise RuleBroken("base64", "a byte string is not canonical base64")
    return data

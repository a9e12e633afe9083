"""What stored bytes must look like: sizes, names, strict JSON. One function per rule set, each raises RuleBroken."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any, NoReturn

from infra.ledger.proof.hashing import EntryBytes, EventBytes

NAME_BYTES = 128
STATE_BYTES = 60_000
METADATA_BYTES = 16 * 1024
DETAILS_BYTES = 16 * 1024
ENTRY_EVENTS = 1_000
ENTRY_BYTES = 8 * 1024 * 1024
INTEGER_LIMIT = 2**53
GENESIS_TOPIC = "sslclm.ledger.created.v1"

_DIGITS = 17
_SALT = 16
_HASH = 32
_NAME = re.compile(r"[!-~]{1,128}")
_HEX_HASH = re.compile(r"[0-9a-f]{64}")
_LEDGER_ID = re.compile(r"[0-9a-f]{32}")
_ORIGIN = re.compile(r"[!-*,-~]{1,128}")


class RuleBroken(ValueError):
    """Bytes break a rule of the format. ``check`` is the rule's stable machine name."""

    def __init__(self, check: str, message: str) -> None:
        super().__init__(message)
        self.check = check


def strict_json(data: bytes, *, what: str) -> dict[str, Any]:
    """Parse one JSON object: UTF-8, ASCII member names, none twice, no floats, integers below 2^53."""
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except RecursionError:
        raise RuleBroken("json", f"{what} is nested too deeply") from None
    except ValueError as error:
        raise RuleBroken("json", f"{what} is not strict JSON: {error}") from None
    if not isinstance(value, dict):
        raise RuleBroken("json", f"{what} is not a JSON object")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a member name stands twice")
    if not all(map(str.isascii, made)):
        raise ValueError("a member name is not ASCII")
    return made


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not an integer")


def _small_integer(text: str) -> int:
    if len(text) > _DIGITS or abs(int(text)) >= INTEGER_LIMIT:
        raise ValueError("an integer is not below 2^53: such numbers are written as strings")
    return int(text)


# Made once: a decoder with hooks is costlier to make than a small object is to read.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float, parse_int=_small_integer
)


def check_event(event: EventBytes) -> None:
    """Check one event's names, sizes and JSON."""
    check_frame(event)
    strict_json(event.state, what="the state")


def check_frame(event: EventBytes) -> None:
    """Check what stands around one event's JSON: names and sizes."""
    for label, name in (("stream id", event.stream_id), ("topic", event.topic)):
        if not _NAME.fullmatch(name):
            raise RuleBroken("name", f"the {label} is not 1 to {NAME_BYTES} printable ASCII characters")
    if not 1 <= event.stream_version < INTEGER_LIMIT:
        raise RuleBroken("stream-version", "a stream version counts from 1")
    if len(event.state) > STATE_BYTES:
        raise RuleBroken("size", f"the state has more than {STATE_BYTES} bytes")


def check_metadata(metadata: bytes, details: bytes | None, idempotency: str | None) -> dict[str, Any]:
    """Check metadata and what it says of the details and the idempotency key; return it parsed."""
    if len(metadata) > METADATA_BYTES:
        raise RuleBroken("size", f"the metadata has more than {METADATA_BYTES} bytes")
    meta = strict_json(metadata, what="the metadata")
    for name in ("idempotency", "details_sha256"):
        value = meta.get(name, "0" * 64)
        if not isinstance(value, str) or not _HEX_HASH.fullmatch(value):
            raise RuleBroken("metadata", f"metadata member {name} is not a SHA-256 in lower-case hex")
    if meta.get("idempotency") != idempotency:
        raise RuleBroken("idempotency", "the idempotency key stored beside the metadata is not the one inside it")
    if details is not None:
        _check_details(details, meta.get("details_sha256"))
    return meta


def _check_details(details: bytes, expected: str | None) -> None:
    if len(details) > DETAILS_BYTES:
        raise RuleBroken("size", f"the details have more than {DETAILS_BYTES} bytes")
    if sha256(details).hexdigest() != expected:
        raise RuleBroken("details", "the details are not those whose hash is in the metadata")
    if len(details) < _SALT:
        raise RuleBroken("details", f"the details do not begin with {_SALT} random bytes")
    strict_json(details[_SALT:], what="the details' JSON")


def check_totals(events: int, size: int) -> None:
    """Check an entry's number of events, and its bytes: names, states, metadata and details together."""
    if not 1 <= events <= ENTRY_EVENTS:
        raise RuleBroken("size", f"an entry has 1 to {ENTRY_EVENTS} events, not {events}")
    if size > ENTRY_BYTES:
        raise RuleBroken("size", f"the entry has more than {ENTRY_BYTES} bytes")


def check_lengths(entry: EntryBytes) -> None:
    """Check the fields of fixed length; the framing of the hashes rests on them."""
    if not 0 <= entry.recorded_at_us < INTEGER_LIMIT:
        raise RuleBroken("recorded-at", "the time is not a number of microseconds since 1970")
    if len(entry.prev_hash) != _HASH or len(entry.entry_hash) != _HASH:
        raise RuleBroken("length", f"a hash has {_HASH} bytes")
    if len(entry.metadata_salt) != _SALT or any(len(event.nonce) != _SALT for event in entry.events):
        raise RuleBroken("length", f"a salt or nonce has {_SALT} bytes")


def genesis_of(event: EventBytes) -> tuple[str, str]:
    """Return (ledger id, origin) from a ledger's first event."""
    if event.topic != GENESIS_TOPIC or event.stream_version != 1:
        raise RuleBroken("genesis", f"the first event of a ledger is {GENESIS_TOPIC}, version 1 of its stream")
    state = strict_json(event.state, what="the first event's state")
    if set(state) != {"ledger_id", "origin"}:
        raise RuleBroken("genesis", "the first event's state holds ledger_id and origin, nothing else")
    check_identity(state["ledger_id"], state["origin"])
    return state["ledger_id"], state["origin"]


def check_identity(ledger_id: object, origin: object) -> None:
    """Check that a ledger id is 32 lower-case hex digits and an origin has neither space nor plus sign."""
    if not isinstance(ledger_id, str) or not _LEDGER_ID.fullmatch(ledger_id):
        raise RuleBroken("genesis", "a ledger id is 32 lower-case hex digits")
    if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
        raise RuleBroken("genesis", "an origin is 1 to 128 printable ASCII characters without space and plus sign")

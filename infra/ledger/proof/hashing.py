"""The bytes that are hashed, one function per hash. The format is explained in ``infra/ledger/README.md``.

All integers are big-endian, every hash is SHA-256, ``lp(x)`` is the length of x in four bytes, then x.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from struct import Struct
from typing import Protocol

ZERO_HASH = bytes(32)
"""The ``prev_hash`` of a ledger's first entry."""

_EVENT_TAG = b"\x00sslclm.event.v1\x00"
_ENTRY_TAG = b"sslclm.entry.v1\x00"
_EVENT_NUMBERS = Struct(">QIIQQ")
_ENTRY_NUMBERS = Struct(">QQI")
_LENGTH = Struct(">I").pack


class EventBytes(Protocol):
    """One event as far as its hash needs it."""

    @property
    def stream_id(self) -> str: ...  # noqa: D102 - the field's name is its meaning
    @property
    def stream_version(self) -> int: ...  # noqa: D102 - as above
    @property
    def topic(self) -> str: ...  # noqa: D102 - as above
    @property
    def nonce(self) -> bytes: ...  # noqa: D102 - as above
    @property
    def state(self) -> bytes: ...  # noqa: D102 - as above


class EntryBytes(Protocol):
    """One entry as far as its hash and its verification need it."""

    @property
    def first_position(self) -> int: ...  # noqa: D102 - as above
    @property
    def recorded_at_us(self) -> int: ...  # noqa: D102 - as above
    @property
    def prev_hash(self) -> bytes: ...  # noqa: D102 - as above
    @property
    def entry_hash(self) -> bytes: ...  # noqa: D102 - as above
    @property
    def metadata_salt(self) -> bytes: ...  # noqa: D102 - as above
    @property
    def metadata(self) -> bytes: ...  # noqa: D102 - as above
    @property
    def details(self) -> bytes | None: ...  # noqa: D102 - as above
    @property
    def idempotency(self) -> str | None: ...  # noqa: D102 - as above
    @property
    def events(self) -> Sequence[EventBytes]: ...  # noqa: D102 - as above


def metadata_hash(salt: bytes, metadata: bytes) -> bytes:
    """Return M, the hash of an entry's metadata that stands in each of its leaves."""
    return sha256(salt + metadata).digest()


def leaf_hash(event: EventBytes, *, position: int, k: int, n: int, recorded_at_us: int, meta: bytes) -> bytes:
    """Return the RFC 6962 leaf of event ``k`` (from 0) of ``n``; ``meta`` is M of its entry."""
    stream, topic = event.stream_id.encode(), event.topic.encode()
    return sha256(
        b"".join(
            (
                _EVENT_TAG,
                _EVENT_NUMBERS.pack(position, k, n, recorded_at_us, event.stream_version),
                _LENGTH(len(stream)),
                stream,
                _LENGTH(len(topic)),
                topic,
                meta,
                event.nonce,
                _LENGTH(len(event.state)),
                event.state,
            )
        )
    ).digest()


def entry_hash(
    first_position: int, recorded_at_us: int, prev_hash: bytes, meta: bytes, leaves: Sequence[bytes]
) -> bytes:
    """Return the hash that chains an entry to the one before it."""
    numbers = _ENTRY_NUMBERS.pack(first_position, recorded_at_us, len(leaves))
    return sha256(b"".join((_ENTRY_TAG, numbers, prev_hash, meta, *leaves))).digest()


def hashes_of(entry: EntryBytes) -> tuple[list[bytes], bytes]:
    """Return the leaf hashes of an entry's events, in order, and what the entry's own hash must be."""
    meta = metadata_hash(entry.metadata_salt, entry.metadata)
    first, at, n = entry.first_position, entry.recorded_at_us, len(entry.events)
    leaves = [
        leaf_hash(event, position=first + k, k=k, n=n, recorded_at_us=at, meta=meta)
        for k, event in enumerate(entry.events)
    ]
    return leaves, entry_hash(first, at, entry.prev_hash, meta, leaves)

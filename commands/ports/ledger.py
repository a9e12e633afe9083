"""The ledger as handlers see it: append one entry per command, read streams and entries back.

The format, the hashes and the append protocol are described in ``infra/ledger/README.md``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event that wants to be stored: ``stream_version`` counts from 1, ``state`` is the exact JSON to store.

    ``model`` is the event object the state was made from; it is handed to in-process readers so that nobody parses
    what was just written. It is never stored.
    """

    stream_id: str
    stream_version: int
    topic: str
    state: bytes
    model: object | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EntryDraft:
    """All that one command wants to record, atomically.

    - ``metadata``: exact JSON bytes (who, why; hashed into every leaf). ``details``: 16 random bytes, then JSON that
      may be personal (erasable; only its hash is in the metadata).
    - ``idempotency``: SHA-256(principal, key) in lower-case hex, or None.
    - ``unchanged``: stream id -> version; the append is refused when one of these streams has moved on.
    """

    events: tuple[EventDraft, ...]
    metadata: bytes
    details: bytes | None = None
    idempotency: str | None = None
    unchanged: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the ledger holds it. ``nonce`` has 16 bytes. ``model``: see :class:`EventDraft`."""

    position: int
    stream_id: str
    stream_version: int
    topic: str
    nonce: bytes
    state: bytes
    model: object | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One command's entry as the ledger holds it; ``entry_hash`` chains it to ``prev_hash``.

    ``recorded_at_us`` is microseconds since 1970 by the writer's clock, never before that of the entry before.
    ``details`` is None where there were none or they were erased.
    """

    first_position: int
    recorded_at_us: int
    prev_hash: bytes
    entry_hash: bytes
    metadata_salt: bytes
    metadata: bytes
    details: bytes | None
    idempotency: str | None
    events: tuple[StoredEvent, ...]

    @property
    def last_position(self) -> int:
        """Position of the entry's last event."""
        return self.first_position + len(self.events) - 1


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the last position (0 when empty) and the hash of the last entry (32 zero bytes)."""

    position: int
    entry_hash: bytes


class LedgerError(Exception):
    """Base of what an append can answer but success."""


class StreamConflict(LedgerError):
    """Another command wrote (stream, version) first: load afresh and decide again."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(f"stream {stream_id} has moved on")
        self.stream_id = stream_id


class StreamMoved(StreamConflict):
    """A stream named in ``unchanged`` has moved on: rights or rules may have changed; decide again."""


class DuplicateIdempotencyKey(LedgerError):
    """The idempotency key already has an entry: answer from ``entry``, store nothing."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(f"idempotency key already used by the entry at position {entry.first_position}")
        self.entry = entry


class LedgerUnavailable(LedgerError):
    """The store refuses writes (disk full, closed, no primary). Nothing of this entry is stored."""


class OutcomeUnknown(LedgerError):
    """The store went away while it took the entry, and did not come back in time to be asked: stored, or not.

    Repeating the call with the same idempotency key is right in both cases: the key has at most one entry.
    """


class Ledger(Protocol):
    """An append-only, gapless, hash-chained log of entries.

    Callers may assume: an append that returned is durable and will never change; positions start at 1 without gaps;
    entries are seen in order. They may not assume: that their entry follows the head they read, or that an
    append which raised something else than :class:`LedgerError` was not stored. ``recorded_at_us`` never goes back.
    """

    async def append(self, draft: EntryDraft) -> Entry:
        """Store one entry durably and return it. Raises :class:`LedgerError`."""

    def head(self) -> Head:
        """Return where the chain ends now; whatever this process was told before is in it."""

    def stream(self, stream_id: str, *, after: int = 0) -> Sequence[StoredEvent]:
        """Return the events of one stream with a version above ``after``, in order."""

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return up to ``limit`` whole entries, from the one that holds ``first_position``, in order."""

    def entry_by_key(self, idempotency: str) -> Entry | None:
        """Return the entry stored under a hashed idempotency key, if there is one."""

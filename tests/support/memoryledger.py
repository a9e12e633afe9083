"""A ledger in memory for tests of what reads it: real positions and hashes, no proof of anything."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from commands.ports.ledger import Entry, Head, StoredEvent
from domain.base import Aggregate, Event

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
T0_US = 1_795_435_200_000_000


def at(seconds: int = 0) -> datetime:
    """Return a moment of the tests' day."""
    return T0 + timedelta(seconds=seconds)


class MemoryLedger:
    """Appends entries and hands them to its subscribers, as the real ledgers do."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.stored: list[Entry] = []
        self._starts: dict[int, int] = {}
        self._subscribers: list[Callable[[Sequence[Entry]], None]] = []
        self._lock = threading.Lock()
        self.quiet = quiet

    def put(self, *events: Event, actor: str = "p-alice", command: str = "test", models: bool = True) -> Entry:
        """Append one entry with these events."""
        rows = tuple((one.originator_id, one.originator_version, one.TOPIC, one.state(), one) for one in events)
        metadata = {"actor": actor, "role": "ROLE_DEVOPS", "command": command, "correlation_id": f"c-{actor}"}
        return self.put_raw(rows, json.dumps(metadata).encode(), models=models)

    def put_raw(
        self, rows: Sequence[tuple[str, int, str, bytes, Event | None]], metadata: bytes = b"{}", *, models: bool = True
    ) -> Entry:
        """Append one entry of (stream id, version, topic, state, model)."""
        with self._lock:
            head = self.head()
            events = tuple(
                StoredEvent(head.position + k, stream, version, topic, bytes(16), state, model if models else None)
                for k, (stream, version, topic, state, model) in enumerate(rows, start=1)
            )
            digest = hashlib.sha256(head.entry_hash + b"".join(one.state for one in events)).digest()
            first = head.position + 1
            entry = Entry(first, T0_US + first, head.entry_hash, digest, bytes(16), metadata, None, None, events)
            self._starts[first] = len(self.stored)
            self.stored.append(entry)
        if not self.quiet:
            for subscriber in self._subscribers:
                subscriber([entry])
        return entry

    def save(self, *aggregates: Aggregate, actor: str = "p-alice", command: str = "test") -> Entry:
        """Append one entry with the pending events of these aggregates."""
        events = [cast("Event", event) for aggregate in aggregates for event in aggregate.collect_events()]
        return self.put(*events, actor=actor, command=command)

    def head(self) -> Head:
        """Return where the chain ends."""
        if not self.stored:
            return Head(0, bytes(32))
        return Head(self.stored[-1].last_position, self.stored[-1].entry_hash)

    def entries(self, first_position: int, *, limit: int = 500) -> Sequence[Entry]:
        """Return whole entries from the one that holds ``first_position``."""
        start = first_position
        while start not in self._starts:
            if start > self.head().position or start < 1:
                return []
            start -= 1
        index = self._starts[start]
        return [_stored(entry) for entry in self.stored[index : index + limit]]

    def subscribe(self, callback: Callable[[Sequence[Entry]], None]) -> Callable[[], None]:
        """Hand over every entry from now on."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)


def _stored(entry: Entry) -> Entry:
    """Return an entry as a store gives it back: without the event objects."""
    events = tuple(
        StoredEvent(one.position, one.stream_id, one.stream_version, one.topic, one.nonce, one.state)
        for one in entry.events
    )
    return Entry(
        entry.first_position,
        entry.recorded_at_us,
        entry.prev_hash,
        entry.entry_hash,
        entry.metadata_salt,
        entry.metadata,
        entry.details,
        entry.idempotency,
        events,
    )

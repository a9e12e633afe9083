"""Reads of the SQLite store: plain functions on a connection, and the pool of read-only connections."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from commands.ports.ledger import Entry, Head, LedgerUnavailable, StoredEvent
from infra.ledger.proof.hashing import ZERO_HASH
from infra.ledger.schema import connect

_ENTRY = """
SELECT e.first_position, e.recorded_at_us, e.prev_hash, e.entry_hash, e.metadata_salt, e.metadata, d.details,
       e.idempotency, e.n
FROM entry e LEFT JOIN details d USING (first_position)
"""
_EVENT = "SELECT position, stream_id, stream_version, topic, nonce, state FROM event "


def read_head(connection: sqlite3.Connection) -> Head:
    """Return the last position and entry hash."""
    row = connection.execute(
        "SELECT first_position + n - 1, entry_hash FROM entry ORDER BY first_position DESC LIMIT 1"
    ).fetchone()
    return Head(*row) if row else Head(0, ZERO_HASH)


def read_last_moment(connection: sqlite3.Connection) -> int:
    """Return when the last entry was recorded, in microseconds since 1970; 0 where there is none."""
    row = connection.execute("SELECT recorded_at_us FROM entry ORDER BY first_position DESC LIMIT 1").fetchone()
    return row[0] if row else 0


def read_stream(connection: sqlite3.Connection, stream_id: str, after: int) -> list[StoredEvent]:
    """Return a stream's events above a version, in order."""
    rows = connection.execute(
        _EVENT + "WHERE stream_id = ? AND stream_version > ? ORDER BY stream_version", (stream_id, after)
    )
    return [StoredEvent(*row) for row in rows]


def read_entries(connection: sqlite3.Connection, first_position: int, limit: int) -> list[Entry]:
    """Return whole entries from the one that holds a position."""
    row = connection.execute(
        "SELECT first_position, n FROM entry WHERE first_position <= ? ORDER BY first_position DESC LIMIT 1",
        (first_position,),
    ).fetchone()
    holds_it = row is not None and first_position < row[0] + row[1]
    start = row[0] if holds_it else first_position
    rows = connection.execute(
        _ENTRY + "WHERE e.first_position >= ? ORDER BY e.first_position LIMIT ?", (start, limit)
    ).fetchall()
    return _with_events(connection, rows)


def read_by_key(connection: sqlite3.Connection, idempotency: str) -> Entry | None:
    """Return the entry of a hashed idempotency key."""
    rows = connection.execute(_ENTRY + "WHERE e.idempotency = ?", (idempotency,)).fetchall()
    entries = _with_events(connection, rows)
    return entries[0] if entries else None


def stray_rows(connection: sqlite3.Connection) -> str:
    """Say which rows belong to no entry, or are missing from the last one; an empty text where all is well."""
    claimed, events, details = connection.execute(
        "SELECT (SELECT coalesce(sum(n), 0) FROM entry), (SELECT count(*) FROM event),"
        " (SELECT count(*) FROM details WHERE first_position NOT IN (SELECT first_position FROM entry))"
    ).fetchone()
    if claimed != events:
        return f"the entries claim {claimed} events, the file holds {events}"
    return f"{details} rows of details belong to no entry" if details else ""


def _with_events(connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> list[Entry]:
    """Join entry rows, which follow each other, with their events; append-only, so no transaction is needed."""
    if not rows:
        return []
    start, (last, n) = rows[0][0], (rows[-1][0], rows[-1][-1])
    found = connection.execute(
        _EVENT + "WHERE position >= ? AND position < ? + ? ORDER BY position", (start, last, n)
    ).fetchall()
    by_position = {row[0]: StoredEvent(*row) for row in found}
    return [_entry(row, by_position) for row in rows]


def _entry(row: Sequence[object], by_position: dict[int, StoredEvent]) -> Entry:
    first, n = row[0], row[-1]
    assert isinstance(first, int)
    assert isinstance(n, int)
    present = (by_position.get(position) for position in range(first, first + min(n, len(by_position))))
    events = tuple(event for event in present if event is not None)
    return Entry(*row[:-1], events)  # type: ignore[arg-type, call-arg] # STRICT tables: SQLite itself guards the types


class ReadPool:
    """Read-only connections, one per thread that is reading right now; readers never block the writer."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection; raises LedgerUnavailable once closed or where the file cannot be read."""
        with self._lock:
            if self._closed:
                raise LedgerUnavailable("the ledger is closed")
            lent = self._idle.pop() if self._idle else None
        try:
            lent = lent or connect(self._path, read_only=True)
            yield lent
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {error}") from error
        finally:
            self._return(lent)

    def close(self) -> None:
        """Close what is idle; what is lent closes when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _return(self, lent: sqlite3.Connection | None) -> None:
        if lent is None:
            return
        with self._lock:
            if not self._closed:
                self._idle.append(lent)
                return
        lent.close()

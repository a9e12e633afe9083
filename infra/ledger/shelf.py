"""What the ``eventsourcing`` library keeps beside the chain: snapshots and tracking, a cache and a bookmark."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol

from commands.ports.ledger import LedgerError, LedgerUnavailable
from infra.ledger.plan import TrackingConflict
from infra.ledger.schema import connect

_TABLES = """
CREATE TABLE IF NOT EXISTS tracking (application_name TEXT PRIMARY KEY, notification_id INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS snapshot (
    purpose TEXT NOT NULL, stream_id TEXT NOT NULL, stream_version INTEGER NOT NULL,
    topic TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (purpose, stream_id, stream_version)
) STRICT, WITHOUT ROWID;
"""
_TRACK = """
INSERT INTO tracking VALUES (?, ?) ON CONFLICT (application_name)
DO UPDATE SET notification_id = excluded.notification_id WHERE excluded.notification_id > notification_id
"""
_SNAPSHOTS = """
SELECT stream_id, stream_version, topic, state FROM snapshot WHERE purpose = ? AND stream_id = ? ORDER BY stream_version
"""


class Snapshot(NamedTuple):
    """One snapshot, or an event as far as the library's recorders show it."""

    stream_id: str
    stream_version: int
    topic: str
    state: bytes


class SnapshotConflict(LedgerError):
    """A snapshot of that version is there."""


class Shelf(Protocol):
    """A store's place for what stands beside the chain. Raises LedgerUnavailable."""

    def put(self, purpose: str, snapshots: Sequence[Snapshot]) -> None:
        """Store snapshots, all or none. Raises SnapshotConflict."""

    def snapshots(self, purpose: str, stream_id: str) -> Sequence[Snapshot]:
        """Return the snapshots of one stream, by version."""

    def track(self, name: str, position: int) -> None:
        """Move an application's bookmark on. Raises TrackingConflict where the position is not a later one."""

    def tracked(self, name: str) -> int | None:
        """Return an application's bookmark."""


class SqliteShelf:
    """Tables in the ledger's own file, so that a bookmark moves in the transaction that stores an entry."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with closing(connect(path)) as connection:
            connection.executescript(_TABLES)

    def put(self, purpose: str, snapshots: Sequence[Snapshot]) -> None:
        """Store snapshots, all or none."""
        rows = [(purpose, *one) for one in snapshots]
        try:
            with closing(connect(self._path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?)", rows)
                connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise SnapshotConflict(str(error)) from error
        except sqlite3.Error as error:
            raise LedgerUnavailable(str(error)) from error

    def snapshots(self, purpose: str, stream_id: str) -> Sequence[Snapshot]:
        """Return the snapshots of one stream, by version."""
        with closing(connect(self._path, read_only=True)) as connection:
            return [Snapshot(*row) for row in connection.execute(_SNAPSHOTS, (purpose, stream_id))]

    def track(self, name: str, position: int) -> None:
        """Move an application's bookmark on."""
        try:
            with closing(connect(self._path)) as connection:
                track(connection, {name: position})
        except sqlite3.Error as error:
            raise LedgerUnavailable(str(error)) from error

    def tracked(self, name: str) -> int | None:
        """Return an application's bookmark."""
        with closing(connect(self._path, read_only=True)) as connection:
            return read_tracked(connection, name)


def track(connection: sqlite3.Connection, positions: Mapping[str, int]) -> None:
    """Move bookmarks on. Raises TrackingConflict where a position is not a later one."""
    for name, position in positions.items():
        if not connection.execute(_TRACK, (name, position)).rowcount:
            raise TrackingConflict(name, position)


def read_tracked(connection: sqlite3.Connection, name: str) -> int | None:
    """Return an application's bookmark."""
    row = connection.execute("SELECT notification_id FROM tracking WHERE application_name = ?", (name,)).fetchone()
    return int(row[0]) if row else None

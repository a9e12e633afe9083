"""The ``eventsourcing`` library's recorder contracts on our ledger.

The recorders store whatever the library's own suites ask for: version 0, states that are no JSON. Our commands never go
through them; they use the port, which refuses what no verifier would accept. Snapshots and tracking stand beside the
chain, in tables of their own: they are a cache and a bookmark, and may be dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)

from commands.ports.ledger import EntryDraft, EventDraft, LedgerError, LedgerUnavailable
from infra.ledger.chain import draw
from infra.ledger.group import Job
from infra.ledger.schema import connect
from infra.ledger.sqlite import SqliteLedger

OriginatorId = Callable[[str], UUID | str]

_TRACKING_TABLE = """
CREATE TABLE IF NOT EXISTS tracking (application_name TEXT PRIMARY KEY, notification_id INTEGER NOT NULL) STRICT
"""
_TRACK = """
INSERT INTO tracking VALUES (?, ?) ON CONFLICT (application_name)
DO UPDATE SET notification_id = excluded.notification_id WHERE excluded.notification_id > notification_id
"""
_SNAPSHOT_TABLE = """
CREATE TABLE IF NOT EXISTS snapshot (
    purpose TEXT NOT NULL, stream_id TEXT NOT NULL, stream_version INTEGER NOT NULL,
    topic TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (purpose, stream_id, stream_version)
) STRICT, WITHOUT ROWID
"""
_SNAPSHOTS = "SELECT stream_id, stream_version, topic, state FROM snapshot WHERE purpose = ? AND stream_id = ?"
_EVENTS = "SELECT stream_id, stream_version, topic, state FROM event WHERE stream_id = ?"
_WITHIN = " AND stream_version > coalesce(?, -1) AND stream_version <= coalesce(?, stream_version)"
_RANGE = {
    False: _WITHIN + " ORDER BY stream_version LIMIT ?",
    True: _WITHIN + " ORDER BY stream_version DESC LIMIT ?",
}


class _TrackingConflict(LedgerError):
    """A position that was tracked before, or a later one was."""


class LedgerAggregateRecorder(AggregateRecorder):
    """Snapshots: rows beside the chain, one table for all purposes."""

    def __init__(self, ledger: SqliteLedger, originator_id: OriginatorId, *, purpose: str) -> None:
        self._ledger = ledger
        self._originator_id = originator_id
        self._purpose = purpose
        with closing(connect(ledger.path)) as connection:
            connection.execute(_SNAPSHOT_TABLE)

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Store rows atomically; raises IntegrityError for a version that is there."""
        rows = [(self._purpose, str(s.originator_id), s.originator_version, s.topic, s.state) for s in stored_events]
        try:
            with closing(connect(self._ledger.path)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany("INSERT INTO snapshot VALUES (?, ?, ?, ?, ?)", rows)
                connection.execute("COMMIT")
        except sqlite3.IntegrityError as error:
            raise IntegrityError(str(error)) from error
        except sqlite3.Error as error:
            raise OperationalError(str(error)) from error

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return rows of one stream, gt < version <= lte."""
        values = (self._purpose, str(originator_id), gt, lte, -1 if limit is None else limit)
        with self._ledger.reading() as connection:
            rows = connection.execute(_SNAPSHOTS + _RANGE[desc], values).fetchall()
        return [StoredEvent(self._originator_id(row[0]), *row[1:]) for row in rows]


class LedgerApplicationRecorder(ApplicationRecorder):
    """Events: each call of ``insert_events`` becomes one entry of the chain, a notification id is a position.

    Keyword arguments that the library passes down from ``Application.save`` may carry ``metadata``, ``details`` and
    ``idempotency`` of the entry.
    """

    def __init__(self, ledger: SqliteLedger, originator_id: OriginatorId) -> None:
        self._ledger = ledger
        self._originator_id = originator_id

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store the events as one entry and return their positions."""
        return self._insert(stored_events, None, **kwargs) if stored_events else []

    def _insert(
        self,
        stored_events: Sequence[StoredEvent],
        also: Callable[[sqlite3.Connection], None] | None,
        *,
        metadata: bytes = b"{}",
        details: bytes | None = None,
        idempotency: str | None = None,
        **_: Any,
    ) -> Sequence[int]:
        events = tuple(EventDraft(str(s.originator_id), s.originator_version, s.topic, s.state) for s in stored_events)
        draft = EntryDraft(events, metadata, details, idempotency)
        try:
            entry = self._ledger.submit(Job(draft, draw(draft), strict=False, also=also))
        except LedgerUnavailable as error:
            raise OperationalError(str(error)) from error
        except LedgerError as error:
            raise IntegrityError(str(error)) from error
        return list(range(entry.first_position, entry.last_position + 1))

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return events of one stream, gt < version <= lte."""
        values = (str(originator_id), gt, lte, -1 if limit is None else limit)
        with self._ledger.reading() as connection:
            rows = connection.execute(_EVENTS + _RANGE[desc], values).fetchall()
        return [StoredEvent(self._originator_id(row[0]), *row[1:]) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return up to ``limit`` events by position, of these topics only where there are any."""
        first = (start or 0) + (start is not None and not inclusive_of_start)
        query = "SELECT stream_id, stream_version, topic, state, position FROM event WHERE position >= ?"
        values: list[object] = [first]
        if stop is not None:
            query, values = query + " AND position <= ?", [*values, stop]
        if topics:
            query, values = f"{query} AND topic IN ({', '.join('?' * len(topics))})", [*values, *topics]
        with self._ledger.reading() as connection:
            rows = connection.execute(f"{query} ORDER BY position LIMIT ?", (*values, limit))
            return [Notification(self._originator_id(row[0]), *row[1:]) for row in rows]

    def max_notification_id(self) -> int | None:
        """Return the last position, None in an empty ledger."""
        return self._ledger.head().position or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return a blocking iterator of what this process appends, from a position on."""
        return LedgerSubscription(self, self._ledger, gt, topics)


class LedgerSubscription(ListenNotifySubscription[ApplicationRecorder]):
    """Woken by the writer of the same process; entries of other processes are seen at the next own commit."""

    def __init__(
        self, recorder: ApplicationRecorder, ledger: SqliteLedger, gt: int | None, topics: Sequence[str]
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._end = ledger.subscribe(lambda _: self._has_been_notified.set())

    def stop(self) -> None:
        """Stop the iteration and the listening."""
        super().stop()
        self._end()


class LedgerTrackingRecorder(TrackingRecorder):
    """How far each upstream application was processed."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        with closing(connect(ledger.path)) as connection:
            connection.execute(_TRACKING_TABLE)

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move on to a position; raises IntegrityError where it is not a later one."""
        try:
            with closing(connect(self._ledger.path)) as connection:
                _track(connection, tracking)
        except _TrackingConflict as error:
            raise IntegrityError(str(error)) from error
        except sqlite3.Error as error:
            raise OperationalError(str(error)) from error

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the last position that was tracked."""
        with self._ledger.reading() as connection:
            row = connection.execute(
                "SELECT notification_id FROM tracking WHERE application_name = ?", (application_name,)
            ).fetchone()
            return int(row[0]) if row else None


class LedgerProcessRecorder(LedgerTrackingRecorder, LedgerApplicationRecorder, ProcessRecorder):
    """Events and tracking in one transaction."""

    def __init__(self, ledger: SqliteLedger, originator_id: OriginatorId) -> None:
        LedgerTrackingRecorder.__init__(self, ledger)
        LedgerApplicationRecorder.__init__(self, ledger, originator_id)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store events and, where given, ``tracking``, both or neither."""
        tracking: Tracking | None = kwargs.pop("tracking", None)
        if tracking is None:
            return super().insert_events(stored_events, **kwargs)
        if not stored_events:
            # Nothing happened in the domain, so nothing belongs in the chain.
            self.insert_tracking(tracking)
            return []
        return self._insert(stored_events, lambda connection: _track(connection, tracking), **kwargs)


def _track(connection: sqlite3.Connection, tracking: Tracking) -> None:
    moved = connection.execute(_TRACK, (tracking.application_name, tracking.notification_id)).rowcount
    if not moved:
        raise _TrackingConflict(
            f"position {tracking.notification_id} of {tracking.application_name} is not a later one"
        )

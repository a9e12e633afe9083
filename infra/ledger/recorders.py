"""The ``eventsourcing`` library's recorder contracts on a ledger of any store.

The recorders store whatever the library's own suites ask for: version 0, states that are no JSON. Our commands never go
through them; they use the port, which refuses what no verifier would accept. Snapshots and tracking stand on a shelf
beside the chain: they are a cache and a bookmark, and may be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
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

from commands.ports.ledger import EntryDraft, EventDraft, LedgerError, LedgerUnavailable, OutcomeUnknown
from infra.ledger.chain import draw
from infra.ledger.group import Job
from infra.ledger.paging import walk
from infra.ledger.shelf import Shelf, Snapshot
from infra.ledger.store import LedgerStore

OriginatorId = Callable[[str], UUID | str]
_BEFORE_ALL = -1
"""The library's suites begin streams with version 0."""


@contextmanager
def _as_the_library_says() -> Iterator[None]:
    try:
        yield
    except (LedgerUnavailable, OutcomeUnknown) as error:
        raise OperationalError(str(error)) from error
    except LedgerError as error:
        raise IntegrityError(str(error)) from error


class LedgerAggregateRecorder(AggregateRecorder):
    """Snapshots: on the shelf, each under its purpose."""

    def __init__(self, shelf: Shelf, originator_id: OriginatorId, *, purpose: str) -> None:
        self._shelf = shelf
        self._originator_id = originator_id
        self._purpose = purpose

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Store rows atomically; raises IntegrityError for a version that is there."""
        rows = [Snapshot(str(s.originator_id), s.originator_version, s.topic, s.state) for s in stored_events]
        with _as_the_library_says():
            self._shelf.put(self._purpose, rows)

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
        with _as_the_library_says():
            rows = self._shelf.snapshots(self._purpose, str(originator_id))
        after = _BEFORE_ALL if gt is None else gt
        return _cut([row for row in rows if row.stream_version > after], self._originator_id, lte, limit, desc=desc)


class LedgerApplicationRecorder(ApplicationRecorder):
    """Events: each call of ``insert_events`` becomes one entry of the chain, a notification id is a position.

    Keyword arguments that the library passes down from ``Application.save`` may carry ``metadata``, ``details`` and
    ``idempotency`` of the entry.
    """

    def __init__(self, ledger: LedgerStore, originator_id: OriginatorId) -> None:
        self._ledger = ledger
        self._originator_id = originator_id

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store the events as one entry and return their positions."""
        return self._insert(stored_events, **kwargs) if stored_events else []

    def _insert(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        metadata: bytes = b"{}",
        details: bytes | None = None,
        idempotency: str | None = None,
        **_: Any,
    ) -> Sequence[int]:
        events = tuple(EventDraft(str(s.originator_id), s.originator_version, s.topic, s.state) for s in stored_events)
        draft = EntryDraft(events, metadata, details, idempotency)
        bookmark = None if tracking is None else (tracking.application_name, tracking.notification_id)
        with _as_the_library_says():
            entry = self._ledger.submit(Job(draft, draw(draft), strict=False, tracking=bookmark))
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
        with _as_the_library_says():
            events = self._ledger.stream(str(originator_id), after=_BEFORE_ALL if gt is None else gt)
        rows = [Snapshot(e.stream_id, e.stream_version, e.topic, e.state) for e in events]
        return _cut(rows, self._originator_id, lte, limit, desc=desc)

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
        first = max(1, (start or 0) + (start is not None and not inclusive_of_start))
        wanted = (
            Notification(self._originator_id(e.stream_id), e.stream_version, e.topic, e.state, e.position)
            for entry in walk(self._ledger, first, stop)
            for e in entry.events
            if e.position >= first and (stop is None or e.position <= stop) and (not topics or e.topic in topics)
        )
        with _as_the_library_says():
            return list(islice(wanted, limit))

    def max_notification_id(self) -> int | None:
        """Return the last position, None in an empty ledger."""
        return self._ledger.head().position or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Return a blocking iterator of what this process appends, from a position on."""
        return LedgerSubscription(self, self._ledger, gt, topics)


class LedgerSubscription(ListenNotifySubscription[ApplicationRecorder]):
    """Woken by the writer of the same process; entries of other processes are seen at the next own commit."""

    def __init__(
        self, recorder: ApplicationRecorder, ledger: LedgerStore, gt: int | None, topics: Sequence[str]
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._end = ledger.subscribe(lambda _: self._has_been_notified.set())

    def stop(self) -> None:
        """Stop the iteration and the listening."""
        super().stop()
        self._end()


class LedgerTrackingRecorder(TrackingRecorder):
    """How far each upstream application was processed."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move on to a position; raises IntegrityError where it is not a later one."""
        with _as_the_library_says():
            self._shelf.track(tracking.application_name, tracking.notification_id)

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the last position that was tracked."""
        with _as_the_library_says():
            return self._shelf.tracked(application_name)


class LedgerProcessRecorder(LedgerTrackingRecorder, LedgerApplicationRecorder, ProcessRecorder):
    """Events and tracking, stored together."""

    def __init__(self, ledger: LedgerStore, shelf: Shelf, originator_id: OriginatorId) -> None:
        LedgerTrackingRecorder.__init__(self, shelf)
        LedgerApplicationRecorder.__init__(self, ledger, originator_id)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store events and, where given, ``tracking``, both or neither."""
        tracking: Tracking | None = kwargs.pop("tracking", None)
        if stored_events:
            return self._insert(stored_events, tracking=tracking, **kwargs)
        if tracking is not None:
            self.insert_tracking(tracking)  # nothing happened in the domain, so nothing belongs in the chain
        return []


def _cut(
    rows: Sequence[Snapshot], originator_id: OriginatorId, lte: int | None, limit: int | None, *, desc: bool
) -> Sequence[StoredEvent]:
    within = [row for row in rows if lte is None or row.stream_version <= lte]
    ordered = reversed(within) if desc else within
    return [StoredEvent(originator_id(row.stream_id), *row[1:]) for row in islice(ordered, limit)]

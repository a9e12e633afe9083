"""What one group will store: every draft is checked and chained behind the others, whichever store it is for."""

from __future__ import annotations

from typing import Protocol

from commands.ports.ledger import (
    DuplicateIdempotencyKey,
    Entry,
    Head,
    LedgerError,
    StreamConflict,
    StreamMoved,
)
from domain.errors import ClmError, InvalidInput, WrongState
from infra.ledger.chain import chain
from infra.ledger.group import Job
from infra.ledger.proof.rules import GENESIS_TOPIC


class TrackingConflict(LedgerError):
    """A position that was tracked before, or a later one was (the ``eventsourcing`` library's bookmarks)."""

    def __init__(self, name: str, position: int) -> None:
        super().__init__(f"position {position} of {name} is not a later one")


class Known(Protocol):
    """What a store holds at the head that a plan is made for, or later."""

    def tail(self, stream_id: str) -> int | None:
        """Return the last version of a stream; None where there is no such stream."""

    def by_key(self, idempotency: str) -> Entry | None:
        """Return the entry of a hashed idempotency key."""

    def tracked(self, name: str) -> int | None:
        """Return how far an application was tracked."""


class Plan:
    """The entries of one group, and an outcome for each of its jobs, in order.

    What is checked here holds when the entries are stored, for nobody can store in between: in SQLite the write lock
    is held; in MongoDB whoever else stored after ``head`` has taken the very position that the first entry needs.
    Invariants: an idempotency key has one entry; a stream's versions follow each other; ``unchanged`` streams have not
    moved; the first event stands there once; times never go back (the caller gives a ``recorded_at_us`` that is not
    before that of ``head``).
    """

    def __init__(self, known: Known, head: Head, recorded_at_us: int) -> None:
        self.entries: list[Entry] = []
        self.outcomes: list[Entry | Exception] = []
        self.tracked: dict[str, int] = {}
        self._known = known
        self._recorded_at_us = recorded_at_us
        self._head = head
        self._tails: dict[str, int | None] = {}
        self._keys: dict[str, Entry] = {}

    def add(self, job: Job) -> None:
        """Chain a draft behind the others, or note why it cannot be stored; the others are not touched."""
        try:
            self._check_key(job)  # NoDuplicate (names as in tests/model/append.pml)
            self._check_unchanged(job)  # UnchangedHolds
            self._check_beginning(job)
            moved = self._check_streams(job)  # StreamVersionsUnique
            self._check_tracking(job)
        except (LedgerError, ClmError) as error:
            self.outcomes.append(error)
            return
        entry = chain(job.draft, job.drawn, self._head, self._recorded_at_us)  # Gapless, ChainLinks
        self._tails.update(moved)
        if entry.idempotency is not None:
            self._keys[entry.idempotency] = entry
        if job.tracking is not None:
            self.tracked.update([job.tracking])
        self._head = Head(entry.last_position, entry.entry_hash)
        self.entries.append(entry)
        self.outcomes.append(entry)

    def _check_key(self, job: Job) -> None:
        key = job.draft.idempotency
        if key is None:
            return
        known = self._keys.get(key) or self._known.by_key(key)
        if known is not None:
            raise DuplicateIdempotencyKey(known)

    def _check_unchanged(self, job: Job) -> None:
        for stream_id, version in job.draft.unchanged.items():
            if (self._tail(stream_id) or 0) != version:
                raise StreamMoved(stream_id)

    def _check_beginning(self, job: Job) -> None:
        """Refuse what would make the whole ledger unverifiable: another first event, or the first event once more."""
        first, *later = (event.topic == GENESIS_TOPIC for event in job.draft.events)
        if job.strict and (first != (self._head.position == 0) or any(later)):
            raise WrongState(
                f"{GENESIS_TOPIC} is the first event of a ledger, and stands there once",
                rule="ledger-genesis",
                fix="Create the ledger once, before anything else is appended to it.",
            )

    def _check_streams(self, job: Job) -> dict[str, int]:
        moved: dict[str, int] = {}
        for event in job.draft.events:
            stream_id, version = event.stream_id, event.stream_version
            tail = moved[stream_id] if stream_id in moved else self._tail(stream_id)
            if tail is not None and version <= tail:
                raise StreamConflict(stream_id)
            if job.strict and version != (tail or 0) + 1:
                raise InvalidInput(
                    f"version {version} of stream {stream_id} would leave a gap after {tail or 0}",
                    rule="stream-version-gap",
                    fix="Load the stream and number its new events from the version after the last one.",
                )
            moved[stream_id] = version
        return moved

    def _check_tracking(self, job: Job) -> None:
        if job.tracking is None:
            return
        name, position = job.tracking
        known = self.tracked.get(name) or self._known.tracked(name)
        if known is not None and position <= known:
            raise TrackingConflict(name, position)

    def _tail(self, stream_id: str) -> int | None:
        if stream_id not in self._tails:
            self._tails[stream_id] = self._known.tail(stream_id)
        return self._tails[stream_id]

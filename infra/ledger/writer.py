"""One group of drafts into SQLite: checks, chaining and inserts inside one durable transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

from commands.ports.ledger import (
    DuplicateIdempotencyKey,
    Entry,
    Head,
    LedgerError,
    LedgerUnavailable,
    StreamConflict,
    StreamMoved,
)
from domain.errors import ClmError, InvalidInput, WrongState
from domain.moments import microseconds
from infra.ledger.chain import chain
from infra.ledger.group import Job
from infra.ledger.proof.hashing import EntryBytes
from infra.ledger.proof.rules import GENESIS_TOPIC
from infra.ledger.reader import read_by_key, read_head, read_last_moment
from infra.ledger.schema import connect

_BATCH = 256


class _Plan:
    """What one transaction will store; the write lock is held, so what it has checked stays true."""

    def __init__(self, connection: sqlite3.Connection, recorded_at_us: int) -> None:
        self.entries: list[Entry] = []
        self.outcomes: list[Entry | Exception] = []
        self._connection = connection
        self._recorded_at_us = recorded_at_us
        self._head = read_head(connection)
        self._tails: dict[str, int | None] = {}
        self._keys: dict[str, Entry] = {}

    def add(self, job: Job) -> None:
        """Chain a draft behind the others, or note why it cannot be stored; the others are not touched."""
        try:
            self._check_key(job)
            self._check_unchanged(job)
            self._check_beginning(job)
            moved = self._check_streams(job)
            entry = chain(job.draft, job.drawn, self._head, self._recorded_at_us)
            if job.also is not None:
                job.also(self._connection)
        except (LedgerError, ClmError) as error:
            self.outcomes.append(error)
            return
        self._tails.update(moved)
        if entry.idempotency is not None:
            self._keys[entry.idempotency] = entry
        self._head = Head(entry.last_position, entry.entry_hash)
        self.entries.append(entry)
        self.outcomes.append(entry)

    def _check_key(self, job: Job) -> None:
        key = job.draft.idempotency
        if key is None:
            return
        known = self._keys.get(key) or read_by_key(self._connection, key)
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

    def _tail(self, stream_id: str) -> int | None:
        if stream_id not in self._tails:
            row = self._connection.execute(
                "SELECT max(stream_version) FROM event WHERE stream_id = ?", (stream_id,)
            ).fetchone()
            self._tails[stream_id] = row[0]
        return self._tails[stream_id]


def insert(connection: sqlite3.Connection, entries: Sequence[EntryBytes]) -> None:
    """Insert chained entries as they are, inside the caller's transaction."""
    rows = [
        (e.first_position, len(e.events), e.recorded_at_us, e.prev_hash, e.entry_hash, e.metadata_salt, e.metadata,
         e.idempotency)
        for e in entries
    ]  # fmt: skip
    events = [
        (position, v.stream_id, v.stream_version, v.topic, v.nonce, v.state)
        for e in entries
        for position, v in enumerate(e.events, e.first_position)
    ]
    details = [(e.first_position, e.details) for e in entries if e.details is not None]
    connection.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", events)
    connection.executemany("INSERT INTO details VALUES (?, ?)", details)


def restore(path: Path, entries: Iterable[EntryBytes]) -> None:
    """Store chained entries as they are into an empty ledger: all of them, or none where the iterator raises."""
    connection = connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        if read_head(connection).position:
            raise WrongState(
                "this ledger already has entries", rule="ledger-not-empty", fix="Import into a new, empty file."
            )
        rest = iter(entries)
        while batch := list(islice(rest, _BATCH)):
            insert(connection, batch)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise LedgerUnavailable(f"the ledger's file refuses writes: {error}") from error
    finally:
        connection.close()


def extend(path: Path, entries: Sequence[Entry]) -> None:
    """Store chained entries as they are behind the head, all or none; raises WrongState where they do not follow."""
    with closing(connect(path)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            head = read_head(connection)
            if entries and (entries[0].first_position, entries[0].prev_hash) != (head.position + 1, head.entry_hash):
                raise WrongState(
                    f"position {entries[0].first_position} does not follow {head.position}",
                    rule="ledger-copy",
                    fix="let nobody else write to the target while it is copied into",
                )
            insert(connection, entries)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise LedgerUnavailable(f"the ledger's file refuses writes: {error}") from error


class SqliteWriter:
    """Stores groups; used by one thread only."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._connection: sqlite3.Connection | None = None

    def store(self, jobs: Sequence[Job]) -> Sequence[Entry]:
        """Store a group, set the outcome of each job and return the entries that are durable now, in order."""
        plan: _Plan | None = None
        try:
            self._connection = self._connection or connect(self._path)
            self._connection.execute("BEGIN IMMEDIATE")
            now = max(microseconds(self._clock()), read_last_moment(self._connection))
            plan = _Plan(self._connection, now)
            for job in jobs:
                plan.add(job)
            insert(self._connection, plan.entries)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._drop_connection()
            if plan is None or not self._is_stored(plan.entries):
                _refuse(jobs, error)
                return ()
        except BaseException:
            self._drop_connection()
            raise
        for job, outcome in zip(jobs, plan.outcomes, strict=True):
            job.outcome = outcome
        return plan.entries

    def close(self) -> None:
        """Close the connection."""
        self._drop_connection()

    def _drop_connection(self) -> None:
        """Close the connection, which rolls back whatever is open on it; the next group opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _is_stored(self, entries: Sequence[Entry]) -> bool:
        """Say whether a commit that answered with an error took place all the same (one transaction: all or none)."""
        if not entries:
            return False
        last = entries[-1]
        try:
            self._connection = connect(self._path)
            row = self._connection.execute(
                "SELECT entry_hash FROM entry WHERE first_position = ?", (last.first_position,)
            ).fetchone()
        except sqlite3.Error:
            self._drop_connection()
            return False
        return bool(row and row[0] == last.entry_hash)


def _refuse(jobs: Sequence[Job], error: sqlite3.Error) -> None:
    for job in jobs:
        job.outcome = LedgerUnavailable(f"the ledger's file refuses writes: {error}")
        job.outcome.__cause__ = error

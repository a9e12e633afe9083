"""One group of drafts into SQLite: checks, chaining and inserts inside one durable transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from pathlib import Path

from commands.ports.ledger import Entry, LedgerError, LedgerUnavailable, OutcomeUnknown
from domain.errors import WrongState
from domain.moments import microseconds
from infra.ledger.group import Job
from infra.ledger.plan import Plan
from infra.ledger.proof.hashing import EntryBytes
from infra.ledger.reader import read_by_key, read_head, read_last_moment
from infra.ledger.schema import connect
from infra.ledger.shelf import read_tracked, track

_BATCH = 256


class _Rows:
    """What the file holds, read inside the transaction of a group."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def tail(self, stream_id: str) -> int | None:
        row = self._connection.execute(
            "SELECT max(stream_version) FROM event WHERE stream_id = ?", (stream_id,)
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def by_key(self, idempotency: str) -> Entry | None:
        return read_by_key(self._connection, idempotency)

    def tracked(self, name: str) -> int | None:
        return read_tracked(self._connection, name)


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


def extend(path: Path, entries: Sequence[EntryBytes]) -> None:
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
        plan, committing = None, False
        try:
            self._connection = self._connection or connect(self._path)
            self._connection.execute("BEGIN IMMEDIATE")
            plan = self._plan(self._connection, jobs)
            insert(self._connection, plan.entries)
            track(self._connection, plan.tracked)
            committing = bool(plan.entries)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._drop_connection()
            refusal = self._look_up(plan.entries, error) if plan and committing else _refused(error)
            if refusal is not None:
                _refuse(jobs, refusal)
                return ()
        except BaseException:
            self._drop_connection()
            raise
        assert plan is not None  # what fails before there is a plan is refused above
        for job, outcome in zip(jobs, plan.outcomes, strict=True):
            job.outcome = outcome
        return plan.entries

    def _plan(self, connection: sqlite3.Connection, jobs: Sequence[Job]) -> Plan:
        now = max(microseconds(self._clock()), read_last_moment(connection))
        plan = Plan(_Rows(connection), read_head(connection), now)
        for job in jobs:
            plan.add(job)
        return plan

    def close(self) -> None:
        """Close the connection."""
        self._drop_connection()

    def _drop_connection(self) -> None:
        """Close the connection, which rolls back whatever is open on it; the next group opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look_up(self, entries: Sequence[Entry], error: sqlite3.Error) -> LedgerError | None:
        """Say what became of a commit that answered with an error: None where it took place (all of it, or nothing)."""
        last = entries[-1]
        try:
            self._connection = connect(self._path)
            row = self._connection.execute(
                "SELECT entry_hash FROM entry WHERE first_position = ?", (last.first_position,)
            ).fetchone()
        except sqlite3.Error:
            self._drop_connection()
            return OutcomeUnknown(f"the ledger's file failed while it was written, and cannot be read: {error}")
        # AcknowledgedIsDurable, RefusedMeansAbsent: by position and hash
        return None if row and row[0] == last.entry_hash else _refused(error)


def _refused(error: sqlite3.Error) -> LedgerUnavailable:
    return LedgerUnavailable(f"the ledger's file refuses writes: {error}")


def _refuse(jobs: Sequence[Job], refusal: LedgerError) -> None:
    """Give every job an error of its own: they are raised in many places, each with a traceback of its own."""
    for job in jobs:
        job.outcome = type(refusal)(str(refusal))
        job.outcome.__cause__ = refusal

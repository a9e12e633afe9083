"""The ledger on SQLite: one file, several processes, one chain."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Self

from commands.ports.ledger import Entry, EntryDraft, Head, StoredEvent
from infra.ledger.drafts import check_draft
from infra.ledger.group import GroupCommit, Job, Listener
from infra.ledger.paging import PAGE, walk
from infra.ledger.probe import Probe
from infra.ledger.proof.hashing import EntryBytes
from infra.ledger.proof.verdict import Finding, Verdict
from infra.ledger.proof.verify import verify_entries
from infra.ledger.reader import ReadPool, read_by_key, read_entries, read_head, read_stream, stray_rows
from infra.ledger.schema import erase, prepare
from infra.ledger.writer import SqliteWriter, extend, restore


class SqliteLedger:
    """Adapter of the port :class:`commands.ports.ledger.Ledger`.

    ``clock`` must give times with a zone. Creates the file where it is missing (its folder must exist and be on a
    local disk). Close it, or use it as a context manager: what is queued is stored first.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], datetime]) -> None:
        if clock().tzinfo is None:
            raise ValueError("the ledger's clock must give times with a zone, e.g. datetime.now(UTC)")
        self._path = Path(path)
        prepare(self._path)
        self._writer = SqliteWriter(self._path, clock)
        self._reads = ReadPool(self._path)
        self._probe = Probe()
        self._group = GroupCommit(self._writer.store, name=f"ledger-{self._path.name}")

    async def append(self, draft: EntryDraft) -> Entry:
        """Store one entry durably and return it.

        Raises :class:`commands.ports.ledger.LedgerError`, and :class:`domain.errors.InvalidInput` for a draft that no
        verifier would accept. A caller that is cancelled meanwhile may find its entry stored.
        """
        check_draft(draft)
        return await self._group.append(draft)

    def append_blocking(self, draft: EntryDraft) -> Entry:
        """Store one entry like :meth:`append`, blocking the calling thread; never call it on an event loop."""
        check_draft(draft)
        return self._group.append_blocking(draft)

    def submit(self, job: Job) -> Entry:
        """Store a job as it is, unchecked but for uniqueness: for the library's recorders and for imports."""
        return self._group.submit(job)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called after each commit of this process, once per group; returns what ends it.

        It runs in the writer thread, before the callers are told: hand over and return. Entries of other processes are
        not among them; a listener sees the gap in the positions and reads it from :meth:`entries`.
        """
        return self._group.subscribe(listener)

    def head(self) -> Head:
        """Return where the chain ends now."""
        with self._reads.connection() as connection:
            return read_head(connection)

    def stream(self, stream_id: str, *, after: int = 0) -> Sequence[StoredEvent]:
        """Return the events of one stream with a version above ``after``, in order."""
        with self._reads.connection() as connection:
            return read_stream(connection, stream_id, after)

    def entries(self, first_position: int, *, limit: int = PAGE) -> Sequence[Entry]:
        """Return up to ``limit`` whole entries, from the one that holds ``first_position``, in order."""
        with self._reads.connection() as connection:
            return read_entries(connection, first_position, limit)

    def entry_by_key(self, idempotency: str) -> Entry | None:
        """Return the entry stored under a hashed idempotency key, if there is one."""
        with self._reads.connection() as connection:
            return read_by_key(connection, idempotency)

    def verify(self) -> Verdict:
        """Verify the chain and that the file holds no rows beside it; names the first thing that does not hold."""
        verdict = verify_entries(walk(self))
        with self._reads.connection() as connection:
            stray = stray_rows(connection)
        if verdict.finding is None and stray:
            finding = Finding(verdict.events + 1, "stray-rows", stray)
            return replace(verdict, holds=False, finding=finding)
        return verdict

    @property
    def path(self) -> Path:
        """The ledger's file."""
        return self._path

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a read-only connection, for queries over the ledger's own rows (see ``schema.py``)."""
        return self._reads.connection()

    def obstacle(self) -> str:
        """Say why nothing can be stored now, for one thread at a time; an empty text where it can."""
        return self._probe.obstacle(self._path)

    def size(self) -> int:
        """Return the bytes of the file and its write-ahead log."""
        files = (self._path, self._path.with_name(f"{self._path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def erase_details(self, first_position: int) -> bool:
        """Erase an entry's details for good (GDPR Art. 17) and say whether there were any; every hash stays valid.

        The bytes are overwritten in the file; copies in back-ups are the operator's to erase.
        """
        return erase(self._path, first_position)

    def restore(self, entries: Iterable[EntryBytes]) -> None:
        """Store entries of another store as they are: all of them, or none where the iterator raises.

        Raises :class:`domain.errors.WrongState` where this ledger is not empty. The caller verifies them on the way.
        """
        restore(self._path, entries)

    def extend(self, entries: Sequence[EntryBytes]) -> None:
        """Store entries of another store as they are, behind the head: all of them or none.

        Raises WrongState where they do not follow the head. The caller verifies them.
        """
        extend(self._path, entries)

    def close(self) -> None:
        """Store what is queued, then let go of the file."""
        self._group.close()
        self._writer.close()
        self._reads.close()
        self._probe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""The ledger on SQLite: one file, several processes, one chain."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from commands.ports.ledger import Entry, Head, StoredEvent
from infra.ledger.grouped import GroupedLedger, check_clock, with_stray
from infra.ledger.paging import PAGE, walk
from infra.ledger.probe import Probe
from infra.ledger.proof.hashing import EntryBytes
from infra.ledger.proof.verdict import Verdict
from infra.ledger.proof.verify import verify_entries
from infra.ledger.reader import ReadPool, read_by_key, read_entries, read_head, read_stream, stray_rows
from infra.ledger.schema import erase, prepare
from infra.ledger.writer import SqliteWriter, extend, restore


class SqliteLedger(GroupedLedger):
    """Adapter of the port :class:`commands.ports.ledger.Ledger`.

    ``clock`` must give times with a zone. Creates the file where it is missing (its folder must exist and be on a
    local disk). Close it, or use it as a context manager: what is queued is stored first.
    """

    def __init__(self, path: str | Path, *, clock: Callable[[], datetime]) -> None:
        check_clock(clock)
        self._path = Path(path)
        prepare(self._path)
        self._writer = SqliteWriter(self._path, clock)
        self._reads = ReadPool(self._path)
        self._probe = Probe()
        super().__init__(self._writer.store, name=f"ledger-{self._path.name}")

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
            return with_stray(verdict, stray_rows(connection))

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
        super().close()
        self._writer.close()
        self._reads.close()
        self._probe.close()

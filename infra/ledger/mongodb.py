"""The ledger on a MongoDB replica set: one collection, several processes, one chain."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice

import bson
from pymongo.errors import OperationFailure

from commands.ports.ledger import Entry, Head, LedgerUnavailable, StoredEvent
from domain.errors import WrongState
from infra.ledger.documents import DETAILS, ENTRIES, LEDGER, Damaged, details_of, document_of, entry_of
from infra.ledger.grouped import GroupedLedger, check_clock, with_stray
from infra.ledger.mongoreads import MongoReads
from infra.ledger.mongowriter import MongoWriter
from infra.ledger.paging import PAGE, walk
from infra.ledger.proof.hashing import EntryBytes
from infra.ledger.proof.verdict import Finding, Verdict
from infra.ledger.proof.verify import verify_entries
from infra.mongodb.connection import MongoConnection
from infra.mongodb.schema import check_schema

_BATCH = 256
_UNAUTHORISED = 13


class MongoLedger(GroupedLedger):
    """Adapter of the port :class:`commands.ports.ledger.Ledger`.

    ``clock`` must give times with a zone. The database must have been migrated; raises WrongState where it was not,
    and Unavailable where it does not answer. The connection belongs to the caller and may be shared; close the ledger
    first.
    """

    def __init__(self, connection: MongoConnection, *, clock: Callable[[], datetime]) -> None:
        check_clock(clock)
        check_schema(connection, (LEDGER,))
        self._connection = connection
        self._reads = MongoReads(connection)
        super().__init__(MongoWriter(self._reads, clock).store, name=f"ledger-{connection.url.database}")

    def head(self) -> Head:
        """Return where the chain ends, as a majority has it; never before what this process has seen."""
        return self._reads.head()

    def stream(self, stream_id: str, *, after: int = 0) -> Sequence[StoredEvent]:
        """Return the events of one stream with a version above ``after``, in order."""
        return self._reads.stream(stream_id, after)

    def entries(self, first_position: int, *, limit: int = PAGE) -> Sequence[Entry]:
        """Return up to ``limit`` whole entries, from the one that holds ``first_position``, in order."""
        return self._reads.page(first_position, limit)

    def entry_by_key(self, idempotency: str) -> Entry | None:
        """Return the entry stored under a hashed idempotency key, if there is one."""
        return self._reads.by_key(idempotency)

    def verify(self) -> Verdict:
        """Verify the chain, and that the collection holds nothing beside it; names what does not hold first."""
        damaged: list[Damaged] = []
        verdict = verify_entries(_until_damaged(walk(self), damaged))
        if verdict.finding is None and damaged:
            finding = Finding(damaged[0].position, "document", damaged[0].what)
            return replace(verdict, holds=False, finding=finding)
        stray = self._reads.stray()
        return with_stray(verdict, f"{stray} documents stand at no position" if stray else "")

    def obstacle(self) -> str:
        """Say why nothing can be stored now; an empty text where it can."""
        try:
            self._reads.head()
        except LedgerUnavailable as away:
            return str(away)
        return ""

    def size(self) -> int:
        """Return the bytes that documents, details and indexes take on a node's disk."""
        with self._reads.reaching():
            stats: list[Mapping[str, object]] = [{"$collStats": {"storageStats": {}}}]
            found = [one for name in (ENTRIES, DETAILS) for one in self._connection.database[name].aggregate(stats)]
        return sum(one["storageStats"]["storageSize"] + one["storageStats"]["totalIndexSize"] for one in found)

    def erase_details(self, first_position: int) -> bool:
        """Erase an entry's details for good (GDPR Art. 17) and say whether there were any; every hash stays valid.

        The application's user may not do that: connect as one with the role ``sslclm-eraser``. The replica set's
        oplog forgets the bytes as it rolls on; copies in back-ups are the operator's to erase.
        """
        with self._reads.reaching():
            entry = self._reads.entries.find_one({"_id": first_position}, {"salt": 1})
            try:
                return bool(entry and self._reads.details.delete_one({"_id": entry["salt"]}).deleted_count)
            except OperationFailure as error:
                if error.code != _UNAUTHORISED:
                    raise
                raise LedgerUnavailable("this database user may not erase; use one with sslclm-eraser") from None

    def restore(self, entries: Iterable[EntryBytes]) -> None:
        """Store entries of another store as they are, into an empty ledger: none of them where the iterator raises.

        They are kept in an unnamed file until the iterator has ended. Where the database fails meanwhile, a prefix is
        stored, which verifies: a copy goes on there. Raises WrongState where this ledger is not empty.
        """
        if self.head().position:
            raise WrongState(
                "this ledger already has entries", rule="ledger-not-empty", fix="Import into a new, empty database."
            )
        with tempfile.TemporaryFile() as spool:
            for entry in entries:
                spool.write(bson.encode({"entry": document_of(entry), "details": entry.details}))
            spool.seek(0)
            kept = (entry_of(one["entry"], one["details"]) for one in bson.decode_file_iter(spool))
            while batch := list(islice(kept, _BATCH)):
                self.extend(batch)

    def extend(self, entries: Sequence[EntryBytes]) -> None:
        """Store entries of another store as they are, behind the head; a crash leaves a prefix of them.

        Raises WrongState where they do not follow the head. The caller verifies them.
        """
        head = self.head()
        if entries and (entries[0].first_position, entries[0].prev_hash) != (head.position + 1, head.entry_hash):
            raise WrongState(
                f"position {entries[0].first_position} does not follow {head.position}",
                rule="ledger-copy",
                fix="let nobody else write to the target while it is copied into",
            )
        with self._reads.reaching():
            if details := details_of(entries):
                self._reads.store_details(details)
            if entries:
                self._reads.entries.insert_many([document_of(entry) for entry in entries], ordered=True)

    def close(self) -> None:
        """Store what is queued, then refuse whatever is asked."""
        super().close()
        self._reads.close()


def _until_damaged(entries: Iterator[Entry], damaged: list[Damaged]) -> Iterator[Entry]:
    try:
        yield from entries
    except Damaged as found:
        damaged.append(found)

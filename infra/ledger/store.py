"""What every store of the ledger offers to the process that holds it, beyond the port that handlers see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, Self

from commands.ports.ledger import Entry, EntryDraft, Ledger
from infra.ledger.group import Job, Listener
from infra.ledger.proof.hashing import EntryBytes
from infra.ledger.proof.verdict import Verdict


class LedgerStore(Ledger, Protocol):
    """A ledger on one store: :class:`infra.ledger.sqlite.SqliteLedger`, :class:`infra.ledger.mongodb.MongoLedger`.

    The stores keep the same bytes and the same promises; callers may not ask which one they have.
    """

    def append_blocking(self, draft: EntryDraft) -> Entry:
        """Store one entry, blocking the calling thread; never call it on an event loop."""

    def submit(self, job: Job) -> Entry:
        """Store a job as it is, unchecked but for uniqueness: for the library's recorders."""

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called after each commit of this process, before its callers are told."""

    def verify(self) -> Verdict:
        """Verify the chain and that nothing lies beside it."""

    def erase_details(self, first_position: int) -> bool:
        """Erase an entry's details for good and say whether there were any; no hash changes."""

    def restore(self, entries: Iterable[EntryBytes]) -> None:
        """Store entries of another store as they are, into an empty ledger; nothing where the iterator raises."""

    def extend(self, entries: Sequence[EntryBytes]) -> None:
        """Store entries of another store behind the head, durably; a crash leaves a prefix of them."""

    def obstacle(self) -> str:
        """Say why nothing can be stored now; an empty text where it can. Stores nothing."""

    def size(self) -> int:
        """Return the bytes that the ledger takes in its store."""

    def close(self) -> None:
        """Store what is queued, then let go of the store."""

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of the block."""

    def __exit__(self, *_: object) -> None:
        """Close."""

"""What the edge needs of the ledger as evidence: its export and its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from commands.ports.ledger import Entry


@dataclass(frozen=True, slots=True)
class ChainVerdict:
    """What verifying the whole chain came to; ``first_bad_position`` and ``check`` are None where all of it holds."""

    holds: bool
    entries: int
    events: int
    head: str
    first_bad_position: int | None = None
    check: str | None = None
    message: str = ""


class LedgerEvidence(Protocol):
    """Exports and verifies the ledger; both read it in pages and may take long: never call them on the event loop."""

    def leaves(self, entry: Entry) -> Sequence[bytes]:
        """Return the leaf hashes of an entry's events, in order; quick, since it computes from what is at hand."""

    def export(self, *, first: int = 1) -> Iterator[bytes]:
        """Yield the export file (JSON Lines, see ``infra/ledger/README.md``) in pieces."""

    def verify(self) -> ChainVerdict:
        """Recompute every hash from the first entry on."""

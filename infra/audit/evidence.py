"""The ledger as evidence: its export as a stream of bytes, and the verdict on its chain."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence

from commands.ports.auditing import ChainVerdict
from commands.ports.ledger import Entry
from infra.ledger.export import export_ledger
from infra.ledger.proof.hashing import hashes_of
from infra.ledger.store import LedgerStore

_PIECE = 256 * 1024


class Evidence:
    """Adapter of the port :class:`commands.ports.auditing.LedgerEvidence`."""

    def __init__(self, ledger: LedgerStore) -> None:
        self._ledger = ledger

    def leaves(self, entry: Entry) -> Sequence[bytes]:
        """Return the leaf hashes of an entry's events, in order."""
        return hashes_of(entry)[0]

    def export(self, *, first: int = 1) -> Iterator[bytes]:
        """Yield the export file; it is written to an unnamed temporary file first, so that it ends where it says."""
        with tempfile.TemporaryFile() as out:
            export_ledger(self._ledger, out, first=first)
            out.seek(0)
            while piece := out.read(_PIECE):
                yield piece

    def verify(self) -> ChainVerdict:
        """Recompute every hash from the first entry on, and look for rows that belong to no entry."""
        verdict = self._ledger.verify()
        found = verdict.finding
        return ChainVerdict(
            holds=found is None,
            entries=verdict.entries,
            events=verdict.events,
            head=self._ledger.head().entry_hash.hex(),
            first_bad_position=found.position if found else None,
            check=found.check if found else None,
            message=found.message if found else "",
        )

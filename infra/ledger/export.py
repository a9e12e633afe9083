"""Writing a ledger to an export file, and taking a whole export into an empty ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from commands.ports.ledger import Ledger
from domain.errors import InvalidInput, WrongState
from infra.ledger.paging import walk
from infra.ledger.proof.export import ExportReader
from infra.ledger.proof.hashing import EntryBytes, hashes_of
from infra.ledger.proof.lines import ExportedEntry, Header, Trailer, write_entry, write_header, write_trailer
from infra.ledger.proof.rules import RuleBroken, genesis_of
from infra.ledger.proof.tree import Frontier
from infra.ledger.proof.verdict import CannotCheck, Tampered, Verdict


class Restorable(Protocol):
    """A ledger that takes entries of another store as they are, all or none."""

    def restore(self, entries: Iterable[EntryBytes]) -> None:
        """Store the entries; nothing where the iterator raises or the ledger is not empty."""


def export_ledger(ledger: Ledger, out: BinaryIO, *, first: int = 1, checkpoints: Sequence[str] = ()) -> Trailer:
    """Write the ledger up to its present head as ``sslclm-ledger-export/1`` and return the last line's content.

    The file starts with the entry that holds position ``first``. Raises :class:`domain.errors.WrongState` where there
    is no such entry or the ledger does not begin as a ledger must.
    """
    last = ledger.head().position
    ledger_id, origin = _identity(ledger)
    frontier = _frontier_before(ledger, first, last)
    out.write(write_header(Header(ledger_id, origin, frontier.size + 1, frontier.roots)))
    entries, head = 0, b""
    for entry in walk(ledger, frontier.size + 1, last):
        out.write(write_entry(entry))
        entries, head = entries + 1, entry.entry_hash
    trailer = Trailer(entries, last - frontier.size, head, tuple(checkpoints))
    out.write(write_trailer(trailer))
    return trailer


def import_ledger(path: Path, target: Restorable) -> Verdict:
    """Take a whole export into an empty ledger, byte for byte, and return what was verified on the way.

    Raises :class:`domain.errors.InvalidInput`, having stored nothing, where the file does not verify or does not
    begin at position 1.
    """
    try:
        with path.open("rb") as stream:
            reader = ExportReader(stream)
            target.restore(_whole(reader))
            return reader.verifier.verdict()
    except (OSError, CannotCheck, Tampered) as refused:
        raise InvalidInput(
            f"{path.name} was not imported: {refused}",
            rule="ledger-import",
            fix="Import only an export that verifies from its first position to its last line.",
        ) from refused


def _whole(reader: ExportReader) -> Iterator[ExportedEntry]:
    if reader.header.first_position != 1:
        raise CannotCheck(f"it starts at position {reader.header.first_position}, not at the ledger's beginning")
    yield from reader


def _identity(ledger: Ledger) -> tuple[str, str]:
    entries = ledger.entries(1, limit=1)
    if not entries:
        raise WrongState("the ledger is empty", rule="ledger-empty", fix="Create the ledger before exporting it.")
    try:
        return genesis_of(entries[0].events[0])
    except RuleBroken as broken:
        raise WrongState(str(broken), rule="ledger-genesis", fix="This ledger was not begun by sslclm.") from None


def _frontier_before(ledger: Ledger, first: int, last: int) -> Frontier:
    """Return the tree over everything before the entry that holds ``first``."""
    if not 1 <= first <= last:
        raise WrongState(
            f"there is no position {first}", rule="ledger-position", fix=f"Choose a position from 1 to {last}."
        )
    frontier = Frontier()
    for entry in walk(ledger, 1, last):
        if entry.last_position >= first:
            break
        frontier.add(hashes_of(entry)[0])
    return frontier

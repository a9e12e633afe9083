"""Copying a ledger into another store, byte for byte: the same positions, salts, nonces and hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from commands.ports.ledger import Entry, Head, Ledger
from domain.errors import InvalidInput, WrongState
from infra.ledger.paging import PAGE
from infra.ledger.proof.verdict import Tampered, Verdict
from infra.ledger.proof.verify import ChainVerifier

Tell = Callable[[int, int], None]
"""Called with how far the copy has come and how far it has to go, as positions."""


class CopyTarget(Ledger, Protocol):
    """A ledger that takes chained entries as they are; nobody else may write to it meanwhile."""

    def extend(self, entries: Sequence[Entry]) -> None:
        """Store entries behind the head, durably; a crash leaves a prefix of them. Raises WrongState elsewhere."""

    def erase_details(self, first_position: int) -> bool:
        """Erase an entry's details for good."""


def copy_ledger(source: Ledger, target: CopyTarget, tell: Tell) -> Verdict:
    """Copy what the target does not have yet and compare what it has; returns what was verified.

    Every entry of the source is verified on the way and read back from the target. A copy that was broken off goes on
    where it came to, also when the source has grown. Raises InvalidInput where the source does not verify and
    WrongState where the target holds something else; what was copied before stays and is right.
    """
    until, verifier = source.head(), ChainVerifier()
    _refuse_another(source, target.head())
    for page in _pages(source, until.position):
        _verify(verifier, page)
        _store(target, page)
        _compare(target, page)
        tell(page[-1].last_position, until.position)
    return verifier.verdict()


def _pages(source: Ledger, until: int) -> Iterator[Sequence[Entry]]:
    position = 0
    while position < until:
        page = [entry for entry in source.entries(position + 1, limit=PAGE) if entry.first_position <= until]
        if not page or page[-1].last_position <= position:
            return
        yield page
        position = page[-1].last_position


def _verify(verifier: ChainVerifier, page: Sequence[Entry]) -> None:
    try:
        for entry in page:
            verifier.feed(entry)
    except Tampered as tampered:
        found = tampered.finding
        raise InvalidInput(
            f"the source does not verify: position {found.position}, {found.check}: {found.message}",
            rule="ledger-copy",
            fix="copy nothing from it; sslclm audit verify says more, and a back-up may hold what it was",
        ) from None


def _store(target: CopyTarget, page: Sequence[Entry]) -> None:
    there = target.head().position
    missing = [entry for entry in page if entry.first_position > there]
    if missing:
        target.extend(missing)


def _compare(target: CopyTarget, page: Sequence[Entry]) -> None:
    """Read a page back. Details that were erased at the source are erased here; erased here, they stay erased."""
    found = target.entries(page[0].first_position, limit=len(page))
    if [entry.entry_hash for entry in page] != [entry.entry_hash for entry in found]:
        raise _another(page[0].first_position)
    for ours, theirs in zip(page, found, strict=True):
        if ours.details is None and theirs.details is not None:
            target.erase_details(theirs.first_position)
        elif ours != theirs and theirs.details is not None:
            raise _another(ours.first_position)


def _refuse_another(source: Ledger, head: Head) -> None:
    """Refuse a target whose last entry is not the source's entry at that position."""
    if head.position:
        found = source.entries(head.position, limit=1)
        if not found or (found[0].last_position, found[0].entry_hash) != (head.position, head.entry_hash):
            raise _another(head.position)


def _another(position: int) -> WrongState:
    return WrongState(
        f"the target holds something else at position {position}",
        rule="ledger-copy",
        fix="copy into an empty store, or go on with the copy of this very ledger",
    )

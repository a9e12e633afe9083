"""Walking a ledger of any store from a position to its end, a page in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator

from commands.ports.ledger import Entry, Ledger

PAGE = 500


def walk(ledger: Ledger, first: int = 1, last: int | None = None) -> Iterator[Entry]:
    """Yield the entries from the one that holds ``first``, up to the one that holds ``last`` or to the end.

    Comes to an end whatever a tampered store answers: an entry that claims more or fewer events than it has must not
    make a reader go round in circles.
    """
    position = first
    while page := ledger.entries(position, limit=PAGE):
        for entry in page:
            if last is not None and entry.first_position > last:
                return
            yield entry
        following = max(page[-1].last_position, page[-1].first_position) + 1
        if following <= position:
            return
        position = following

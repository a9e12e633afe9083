"""Places where ledgers live, one class per adapter; a spec is text, so that another process can open the same place."""

from __future__ import annotations

from infra.ledger.sqlite import SqliteLedger
from tests.support.ledgers import now


class SqliteStore:
    """A folder with one ledger's file."""

    def __init__(self, folder):
        self.path = folder / "ledger.db"
        self.spec = f"sqlite:{self.path}"

    def erase(self, ledger, first_position):
        """Erase an entry's details as this store does it."""
        return ledger.erase_details(first_position)


STORES = {"sqlite": SqliteStore}


def open_ledger(spec):
    """Open the ledger that a spec names."""
    kind, _, place = spec.partition(":")
    assert kind == "sqlite", spec
    return SqliteLedger(place, clock=now)

"""Places where ledgers live, one class per adapter; a spec is text, so that another process can open the same place."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from infra.ledger.documents import LEDGER
from infra.ledger.mongodb import MongoLedger
from infra.ledger.mongoshelf import MongoShelf
from infra.ledger.shelf import SqliteShelf
from infra.ledger.sqlite import SqliteLedger
from infra.ledger.store import LedgerStore
from infra.mongodb.schema import migrate
from tests.support.ledgers import now
from tests.support.mongod import connect


class SqliteStore:
    """A folder with one ledger's file."""

    def __init__(self, folder):
        self.path = folder / "ledger.db"
        self.spec = f"sqlite:{self.path}"

    def erase(self, ledger, first_position):
        """Erase an entry's details as this store does it."""
        return ledger.erase_details(first_position)


class MongoStore(SqliteStore):
    """A database that was migrated."""

    def __init__(self, url):
        self.spec = url
        migrated(url)


class _OwnConnection(MongoLedger):
    """A ledger that is all its process has in the database: closing it closes the connection."""

    def close(self):
        super().close()
        self._connection.close()


def migrated(url: str) -> None:
    """Migrate the ledger's part of a database."""
    connection = connect(url)
    migrate(connection, (LEDGER,), lambda _: None)
    connection.close()


def open_ledger(spec: str, clock: Callable[[], datetime] = now) -> LedgerStore:
    """Open the ledger that a spec names."""
    if spec.startswith("mongodb:"):
        return _OwnConnection(connect(spec), clock=clock)
    kind, _, place = spec.partition(":")
    assert kind == "sqlite", spec
    return SqliteLedger(place, clock=clock)


def shelf_of(ledger):
    """Return the shelf beside a ledger."""
    return SqliteShelf(ledger.path) if isinstance(ledger, SqliteLedger) else MongoShelf(ledger._connection)

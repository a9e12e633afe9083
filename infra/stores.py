"""Where a backend keeps everything: SQLite files in its data folder, or a MongoDB database. Nobody else asks which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, Protocol

from commands.ports.ledger import LedgerError
from domain.errors import Unavailable
from infra.files import Files
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import EncryptedKeyStore, sqlite_key_store
from infra.keystore.tables import KEYS
from infra.ledger.documents import ENTRIES
from infra.ledger.following import DataVersion, Following
from infra.ledger.mongodb import MongoLedger
from infra.ledger.mongohints import MongoHints
from infra.ledger.sqlite import SqliteLedger
from infra.ledger.store import LedgerStore
from infra.mongodb.connection import MongoConnection, MongoUrl
from infra.mongodb.schema import check_schema
from infra.records.mongodb import mongo_records
from infra.records.port import Records
from infra.records.sqlite import sqlite_records
from infra.records.tables import Tables
from infra.views.mongodb.views import MongoViews
from infra.views.sqlite import SqliteViews
from infra.views.views import StoredViews
from projections.base import Projection

Clock = Callable[[], datetime]


class Stores(Protocol):
    """Opens what a backend keeps; whoever opened something closes it, and at last the stores."""

    def begun(self) -> bool:
        """Tell whether a ledger is here. Raises WrongState and Unavailable for a database that cannot be used."""

    def ledger(self, clock: Clock) -> LedgerStore:
        """Open the ledger; an empty one where there is none."""

    def following(self, ledger: LedgerStore) -> Following:
        """Follow the ledger that was opened here, by whatever tells soonest that another process has written."""

    def views(self, models: Sequence[Projection[Any]]) -> StoredViews:
        """Open the read models."""

    def records(self, tables: Tables) -> Records:
        """Open tables of small state."""

    def keystore(self, clock: Clock) -> EncryptedKeyStore:
        """Open the key store."""

    def close(self) -> None:
        """Let go of what is shared."""


@contextmanager
def in_words() -> Iterator[None]:
    """Tell whoever runs a command why a ledger cannot be opened, or takes nothing. Raises Unavailable."""
    try:
        yield
    except LedgerError as away:
        raise Unavailable(
            str(away),
            rule="ledger-unavailable",
            fix="see to its disk, and that its folder is there and ours; then repeat the command",
        ) from away


class SqliteStores:
    """One file each, in the data folder."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def begun(self) -> bool:
        """Tell whether there is a ledger's file."""
        return self._files.ledger.exists()

    def ledger(self, clock: Clock) -> LedgerStore:
        """Open the ledger's file."""
        with in_words():
            return SqliteLedger(self._files.ledger, clock=clock)

    def following(self, ledger: LedgerStore) -> Following:
        """Follow it by the counter that SQLite keeps of a file's commits."""
        return Following(ledger, DataVersion(self._files.ledger))

    def views(self, models: Sequence[Projection[Any]]) -> StoredViews:
        """Open the read models' file."""
        return SqliteViews(self._files.views, models)

    def records(self, tables: Tables) -> Records:
        """Open the file that has the tables' name."""
        return sqlite_records(self._files.data_dir / f"{tables.name}.sqlite", tables)

    def keystore(self, clock: Clock) -> EncryptedKeyStore:
        """Open the key store's file; a KEK beside it is refused."""
        return sqlite_key_store(self._files.keys, LocalKekFile.load(self._files.kek_file), clock=clock)

    def close(self) -> None:
        """Do nothing: every file is somebody's own."""


class MongoStores:
    """Collections of one database, over one connection."""

    def __init__(self, files: Files, url: MongoUrl) -> None:
        self._files, self._connection, self._opened = files, MongoConnection(url), ExitStack()

    def begun(self) -> bool:
        """Tell whether the ledger has an entry."""
        check_schema(self._connection)
        with self._connection.reaching():
            return self._connection.database[ENTRIES].find_one({}, {"_id": 1}) is not None

    def ledger(self, clock: Clock) -> LedgerStore:
        """Open the ledger's collections."""
        with in_words():
            return MongoLedger(self._connection, clock=clock)

    def following(self, ledger: LedgerStore) -> Following:
        """Follow it by a change stream; between two changes nothing is asked."""
        following = Following(ledger, lambda: False)
        self._opened.callback(MongoHints(self._connection, following.hint).close)
        return following

    def views(self, models: Sequence[Projection[Any]]) -> StoredViews:
        """Open the read models' collections."""
        return MongoViews(self._connection, models)

    def records(self, tables: Tables) -> Records:
        """Open the tables' collections."""
        return mongo_records(self._connection, tables)

    def keystore(self, clock: Clock) -> EncryptedKeyStore:
        """Open the key store's collections; the KEK stays a file of each machine."""
        return EncryptedKeyStore(self.records(KEYS), LocalKekFile.load(self._files.kek_file), clock=clock)

    def close(self) -> None:
        """End what listens, and close the connection."""
        self._opened.close()
        self._connection.close()


def stores_of(files: Files) -> Stores:
    """Return the stores that the places name. A MongoDB is not reached yet."""
    return MongoStores(files, files.database) if files.database else SqliteStores(files)

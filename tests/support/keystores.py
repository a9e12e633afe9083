"""Key stores for tests: one in memory, and the real one on a file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, InvalidInput, NotFound, WrongState
from infra.keystore.kek_file import LocalKekFile
from infra.keystore.store import EncryptedKeyStore, sqlite_key_store
from infra.keystore.tables import KEYS
from tests.support.recordstores import Place

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """A clock that stands until it is told to move."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """Return the time it was set to."""
        return self.now


class MemoryKeyStore:
    """The port in a dictionary; nothing is encrypted."""

    def __init__(self) -> None:
        self._fields: dict[str, dict[str, Secret]] = {}
        self._destroyed: set[str] = set()

    def put(self, key_id: str, field: str, secret: Secret) -> None:
        """Store one field."""
        if not key_id or not field:
            raise InvalidInput("a place needs a name")
        if key_id in self._destroyed:
            raise WrongState("destroyed")
        if field in self._fields.get(key_id, {}):
            raise AlreadyExists("taken")
        self._fields.setdefault(key_id, {})[field] = secret

    def get(self, key_id: str, field: str) -> Secret:
        """Return one field."""
        try:
            return self._fields[key_id][field]
        except KeyError:
            raise NotFound("no such field") from None

    def destroy(self, key_id: str) -> None:
        """Remove an id."""
        if self._fields.pop(key_id, None):
            self._destroyed.add(key_id)

    def key_ids(self) -> Iterable[str]:
        """Return all ids."""
        return sorted(self._fields)


def kek_in(folder: Path) -> LocalKekFile:
    """Return the key-encryption key of a folder, made at first use."""
    path = folder / "kek.key"
    return LocalKekFile.load(path) if path.exists() else LocalKekFile.create(path)


def keystore_at(where: Place, folder: Path, clock: Clock | None = None) -> EncryptedKeyStore:
    """Open a real store at a place, as one more process does; its key-encryption key lies in ``folder``."""
    return EncryptedKeyStore(where.open(KEYS), kek_in(folder), clock=clock or Clock())


def sqlite_keystore(folder: Path, clock: Clock | None = None) -> EncryptedKeyStore:
    """Open a real store below ``folder``, with its key-encryption key outside the data directory."""
    kek, data = kek_in(folder), folder / "data"
    data.mkdir(exist_ok=True)
    return sqlite_key_store(data / "keys.db", kek, clock=clock or Clock(), data_dir=data)

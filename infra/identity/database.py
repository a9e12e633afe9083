"""The identity side's own SQLite file, and the sealing of what must not be read from it.

Sessions, pending sign-ins, one-time codes and the directory are no projections: they are not in the ledger, are never
rebuilt, and stand in a file of their own that several processes of one machine share.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands.ports.keystore import KeyStore, Secret
from domain.errors import AlreadyExists, NotFound, Unavailable
from infra.database_file import create_once

SEAL_KEY_ID, SEAL_FIELD = "identity-seal", "aes256"
_NONCE = 12
_SCHEMA = """
CREATE TABLE IF NOT EXISTS person (
  pseudonym TEXT PRIMARY KEY, issuer TEXT NOT NULL, subject TEXT NOT NULL, display_name TEXT NOT NULL,
  email TEXT NOT NULL, UNIQUE (issuer, subject)) STRICT;
CREATE TABLE IF NOT EXISTS contact (contact_id TEXT PRIMARY KEY, address TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pending (
  state BLOB PRIMARY KEY, cookie BLOB NOT NULL, expires REAL NOT NULL, sealed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS session (
  token BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, issuer TEXT NOT NULL, subject TEXT NOT NULL,
  sid TEXT, csrf TEXT NOT NULL, created REAL NOT NULL, seen REAL NOT NULL, checked REAL NOT NULL,
  asked REAL NOT NULL DEFAULT 0, degraded INTEGER NOT NULL DEFAULT 0, act TEXT, act_until REAL, sealed BLOB NOT NULL)
  STRICT;
CREATE INDEX IF NOT EXISTS session_sid ON session (issuer, sid);
CREATE INDEX IF NOT EXISTS session_subject ON session (issuer, subject);
CREATE TABLE IF NOT EXISTS cli_code (code BLOB PRIMARY KEY, expires REAL NOT NULL, sealed BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS seen_jti (issuer TEXT NOT NULL, jti TEXT NOT NULL, expires REAL NOT NULL,
  PRIMARY KEY (issuer, jti)) STRICT;
"""


def digest(token: str) -> bytes:
    """Return SHA-256 of an opaque token: all that is stored of it (256 random bits need no salt)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Sealer:
    """AES-256-GCM for the columns that hold tokens or evidence; the label is authenticated with them."""

    def __init__(self, key: Secret) -> None:
        self._cipher = AESGCM(key.reveal())

    def seal(self, plain: bytes, label: bytes) -> bytes:
        """Return nonce and ciphertext; only :meth:`open` with the same label gives ``plain`` back."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, label)

    def open(self, sealed: bytes, label: bytes) -> bytes | None:
        """Return what was sealed, or None where the bytes, the label or the key are others."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], label)
        except (InvalidTag, ValueError):
            return None


def sealer_from(keys: KeyStore) -> Sealer:
    """Return the sealer whose key lives in the key store, making the key at first use.

    The key's id is :data:`SEAL_KEY_ID`; no event names it, so a sweep of orphans must leave it alone.
    """
    try:
        return Sealer(keys.get(SEAL_KEY_ID, SEAL_FIELD))
    except NotFound:
        with suppress(AlreadyExists):  # another process was first: its key is the key
            keys.put(SEAL_KEY_ID, SEAL_FIELD, Secret(AESGCM.generate_key(256)))
        return Sealer(keys.get(SEAL_KEY_ID, SEAL_FIELD))


class IdentityDatabase:
    """One connection to the identity file (mode 0600), used by one thread at a time."""

    def __init__(self, path: Path | str) -> None:
        if str(path) != ":memory:":
            create_once(Path(path))
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
        self._connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one transaction; an exception, also of the commit, rolls it back."""
        with self._lock, _answering():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def row(self, sql: str, **values: object) -> sqlite3.Row | None:
        """Return the first row of a query with named parameters."""
        with self._lock, _answering():
            found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def rows(self, sql: str, **values: object) -> list[sqlite3.Row]:
        """Return all rows of a query with named parameters; the query says how many at most."""
        with self._lock, _answering():
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


@contextmanager
def _answering() -> Iterator[None]:
    """Raise Unavailable where the file cannot be used now: a full disk, a lock that somebody keeps."""
    try:
        yield
    except sqlite3.OperationalError as failure:
        raise Unavailable("the sign-in store takes nothing now", rule="identity-store", fix="try again") from failure


def forget_sign_ins(path: Path) -> None:
    """Remove sessions, begun sign-ins and one-time codes from a file that nobody uses; the directory stays."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA secure_delete=ON")
        for table in ("session", "pending", "cli_code"):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - three names of ours
    finally:
        connection.close()

"""The key store of the embedded default: a SQLite file of its own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable, WrongState
from domain.moments import microseconds
from infra.keystore.database import connect
from infra.keystore.deks import DekRing
from infra.keystore.fields import dek_id_of, open_field, seal_field
from infra.keystore.kek import KeyEncryptionKey
from infra.keystore.rotation import reencrypt_some, rewrap_some

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_LARGEST = 64 * 1024


class StoreStatus(NamedTuple):
    """Figures for evidence: fields stored, data-encryption keys, since when the newest is there, the wrapping key."""

    fields: int
    deks: int
    newest_us: int
    kek_id: str


class SqliteKeyStore:
    """Fields encrypted under a DEK, DEKs wrapped by a KEK that lies elsewhere; see this folder's README.

    - ``kek`` wraps new DEKs; ``retired`` keys can still unwrap old ones until :meth:`rewrap` has moved them.
    - ``data_dir``: what a back-up of the data takes along; a KEK file inside it is refused. The default is the
      directory of ``path``.

    Any thread may call; one lock serialises. Several processes may share the file.
    """

    def __init__(
        self,
        path: Path,
        kek: KeyEncryptionKey,
        *,
        clock: Callable[[], datetime],
        data_dir: Path | None = None,
        retired: Sequence[KeyEncryptionKey] = (),
    ) -> None:
        _refuse_beside(kek, data_dir or path.parent)
        keks = {each.kek_id: each for each in (*retired, kek)}
        self._lock, self._clock, self._kek, self._keks = Lock(), clock, kek, keks
        self._connection = connect(path)
        self._deks = DekRing(self._connection, keks, kek, clock)
        self._refuse_unknown_keks()

    def close(self) -> None:
        """Close the file and forget unwrapped keys."""
        with self._lock:
            self._deks.forget()
            self._connection.close()

    def put(self, key_id: str, field: str, secret: Secret) -> None:
        """Store one field durably; raises AlreadyExists where id and field are taken, WrongState after destruction."""
        _check_place(key_id, field)
        value = secret.reveal()
        if len(value) > _LARGEST:
            raise InvalidInput(
                f"a secret has at most {_LARGEST} bytes", rule="secret-size", fix="store a key, not a document"
            )
        with self._locked():
            dek_id, aead = self._deks.for_writing()
            blob = seal_field(aead, dek_id, key_id, field, value)
            with self._transaction():
                self._refuse_destroyed(key_id)
                self._insert(key_id, field, dek_id, blob)

    def get(self, key_id: str, field: str) -> Secret:
        """Return one field; raises NotFound, Unavailable, or ``SecretAltered`` for what does not authenticate."""
        sql = """SELECT blob FROM secret WHERE key_id = ?1 AND field = ?2
                 AND NOT EXISTS (SELECT 1 FROM destroyed WHERE key_id = ?1)"""
        with self._locked():
            row = self._connection.execute(sql, (key_id, field)).fetchone()
            if row is None:
                raise NotFound(
                    f"the key store has no field {field!r} of key {key_id!r}",
                    fix="check the id; a destroyed key does not come back, one that was lost comes from a back-up",
                )
            aead = self._deks.for_reading(dek_id_of(row[0]))
            return Secret(open_field(aead, key_id, field, row[0]))

    def destroy(self, key_id: str) -> None:
        """Remove every field of an id for good: the id is never used again, also where its rows come back."""
        with self._locked():
            with self._transaction():
                found = self._connection.execute("DELETE FROM secret WHERE key_id = ?", (key_id,)).rowcount
                if found:
                    sql = "INSERT OR IGNORE INTO destroyed VALUES (?, ?)"
                    self._connection.execute(sql, (key_id, microseconds(self._clock())))
            # The write-ahead log still holds earlier pages: fold it into the file and empty it.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def key_ids(self) -> Iterable[str]:
        """Return all ids, for the sweep of orphans."""
        sql = "SELECT DISTINCT key_id FROM secret WHERE key_id NOT IN (SELECT key_id FROM destroyed) ORDER BY key_id"
        with self._locked():
            return [row[0] for row in self._connection.execute(sql)]

    def status(self) -> StoreStatus:
        """Return figures; no key is touched."""
        sql = "SELECT (SELECT count(*) FROM secret), count(*), coalesce(max(created_at_us), 0) FROM dek"
        with self._locked():
            fields, deks, newest_us = self._connection.execute(sql).fetchone()
            return StoreStatus(fields, deks, newest_us, self._kek.kek_id)

    def start_dek(self) -> None:
        """Use a fresh DEK from now on, before its time; :meth:`reencrypt` then moves what is stored."""
        with self._locked(), self._transaction():
            self._deks.start()

    def rewrap(self, limit: int = 100) -> int:
        """Move up to ``limit`` DEKs under the current KEK; returns how many are left. Call it until it says 0."""
        with self._locked(), self._transaction():
            return rewrap_some(self._connection, self._keks, self._kek, limit)

    def reencrypt(self, limit: int = 100) -> int:
        """Move up to ``limit`` fields under the newest DEK; returns how many are left. Call it until it says 0.

        The store can be used meanwhile and the work may be broken off anywhere; emptied DEKs are removed.
        """
        with self._locked():
            return reencrypt_some(self._connection, self._deks, limit)

    def _insert(self, key_id: str, field: str, dek_id: bytes, blob: bytes) -> None:
        try:
            self._connection.execute("INSERT INTO secret VALUES (?, ?, ?, ?)", (key_id, field, dek_id, blob))
        except sqlite3.IntegrityError as refused:
            if refused.sqlite_errorname == "SQLITE_CONSTRAINT_FOREIGNKEY":
                raise Unavailable(
                    "another process retired the data-encryption key just now", fix="try again"
                ) from refused
            raise AlreadyExists(
                f"field {field!r} of key {key_id!r} exists and is never overwritten", fix="use a fresh key id"
            ) from refused

    def _refuse_destroyed(self, key_id: str) -> None:
        if self._connection.execute("SELECT 1 FROM destroyed WHERE key_id = ?", (key_id,)).fetchone():
            raise WrongState(f"key {key_id!r} was destroyed", rule="key-destroyed", fix="use a fresh key id")

    def _refuse_unknown_keks(self) -> None:
        stored = {row[0] for row in self._connection.execute("SELECT DISTINCT kek_id FROM dek")}
        unknown = sorted(stored - self._keks.keys())
        if unknown:
            self._connection.close()
            raise Unavailable(
                f"the key store was written under {', '.join(unknown)}; given was {self._kek.kek_id}",
                rule="kek-missing",
                fix="start with that key-encryption key, or name it as a retired one",
            )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock; what SQLite cannot do (disk full, file closed or damaged) is said as Unavailable."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as failure:
                raise Unavailable(
                    f"the key store's file does not answer: {failure}",
                    rule="key-store-file",
                    fix="see to the disk's free space and the file's rights; restore the file if it is damaged",
                ) from failure

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _check_place(key_id: str, field: str) -> None:
    for name in (key_id, field):
        if not _NAME.fullmatch(name):
            raise InvalidInput(
                f"{name!r} is no key id or field name",
                rule="key-store-name",
                fix="use 1 to 128 letters, digits and . _ : -, with a letter or digit first",
            )


def _refuse_beside(kek: KeyEncryptionKey, data_dir: Path) -> None:
    """Refuse a KEK inside the data directory: whoever copies the data would copy the key that protects it."""
    if kek.location is not None and kek.location.is_relative_to(data_dir.resolve()):
        raise InvalidInput(
            f"the key-encryption key {kek.location} lies inside the data directory {data_dir.resolve()}",
            rule="kek-beside-data",
            fix="keep it elsewhere, for example in /etc/sslclm, and back it up apart",
        )

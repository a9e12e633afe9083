"""The key store: encrypted fields and wrapped keys, in SQLite or in MongoDB."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from commands.ports.keystore import Secret
from domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable, WrongState
from domain.moments import microseconds
from infra.keystore.deks import DekRing
from infra.keystore.errors import SecretAltered
from infra.keystore.fields import dek_id_of, open_field, seal_field
from infra.keystore.kek import KeyEncryptionKey
from infra.keystore.rotation import reencrypt_some, rewrap_some
from infra.keystore.tables import DEK, DESTROYED, KEYS, SECRET
from infra.records.port import Records, Transaction
from infra.records.sqlite import sqlite_records
from infra.records.tables import Row

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_LARGEST = 64 * 1024
_TRIES = 5


class StoreStatus(NamedTuple):
    """Figures for evidence: fields stored, data-encryption keys, since when the newest is there, the wrapping key."""

    fields: int
    deks: int
    newest_us: int
    kek_id: str


def sqlite_key_store(
    path: Path,
    kek: KeyEncryptionKey,
    *,
    clock: Callable[[], datetime],
    data_dir: Path | None = None,
    retired: Sequence[KeyEncryptionKey] = (),
) -> EncryptedKeyStore:
    """Open the key store in a file of its own; ``data_dir`` is the directory of ``path`` where nothing is said."""
    records = sqlite_records(path, KEYS)
    return EncryptedKeyStore(records, kek, clock=clock, data_dir=data_dir or path.parent, retired=retired)


class EncryptedKeyStore:
    """Fields encrypted under a DEK, DEKs wrapped by a KEK that lies elsewhere; see this folder's README.

    - ``kek`` wraps new DEKs; ``retired`` keys can still unwrap old ones until :meth:`rewrap` has moved them.
    - ``data_dir``: what a back-up of the data takes along; a KEK file inside it is refused. None where the data is in
      no folder of this machine.

    Any thread of any number of processes may call.
    """

    def __init__(
        self,
        records: Records,
        kek: KeyEncryptionKey,
        *,
        clock: Callable[[], datetime],
        data_dir: Path | None = None,
        retired: Sequence[KeyEncryptionKey] = (),
    ) -> None:
        if data_dir is not None:
            _refuse_beside(kek, data_dir)
        self.records, self._clock, self._kek = records, clock, kek
        self._keks = {each.kek_id: each for each in (*retired, kek)}
        self._deks = DekRing(records, self._keks, kek, clock)
        self._refuse_unknown_keks()

    def close(self) -> None:
        """Close the store and forget unwrapped keys."""
        self._deks.forget()
        self.records.close()

    def put(self, key_id: str, field: str, secret: Secret) -> None:
        """Store one field durably; raises AlreadyExists where id and field are taken, WrongState after destruction."""
        _check_place(key_id, field)
        value = secret.reveal()
        if len(value) > _LARGEST:
            raise InvalidInput(
                f"a secret has at most {_LARGEST} bytes", rule="secret-size", fix="store a key, not a document"
            )
        for _ in range(_TRIES):
            dek_id, aead = self._deks.for_writing()
            row: Row = {"key_id": key_id, "field": field, "dek_id": dek_id}
            row["blob"] = seal_field(aead, dek_id, key_id, field, value)
            if self.records.transact(partial(_insert, row)):
                return
        raise Unavailable("data-encryption keys are retired faster than they can be used", fix="try again")

    def get(self, key_id: str, field: str) -> Secret:
        """Return one field; raises NotFound, Unavailable, or ``SecretAltered`` for what does not authenticate."""
        blob = self._blob(key_id, field)
        try:
            return self._opened(key_id, field, blob)
        except SecretAltered:
            again = self._blob(key_id, field)
            if again == blob:
                raise
            return self._opened(key_id, field, again)  # it was moved under another DEK while we looked

    def destroy(self, key_id: str) -> None:
        """Remove every field of an id for good: the id is never used again, also where its rows come back."""
        mark = {"key_id": key_id, "at_us": microseconds(self._clock())}
        self.records.transact(lambda tx: tx.delete(SECRET, {"key_id": key_id}) and tx.insert(DESTROYED, mark))
        self.records.scrub()

    def key_ids(self) -> Iterable[str]:
        """Return all ids, for the sweep of orphans."""
        stored = {row["key_id"] for row in self.records.find(SECRET, columns=("key_id",))}
        return sorted(stored - {row["key_id"] for row in self.records.find(DESTROYED)})

    def status(self) -> StoreStatus:
        """Return figures; no key is touched."""
        newest = self.records.find(DEK, order=("-created_at_us",), limit=1)
        since = newest[0]["created_at_us"] if newest else 0
        return StoreStatus(self.records.count(SECRET), self.records.count(DEK), since, self._kek.kek_id)

    def start_dek(self) -> None:
        """Use a fresh DEK from now on, before its time; :meth:`reencrypt` then moves what is stored."""
        self._deks.start()

    def rewrap(self, limit: int = 100) -> int:
        """Move up to ``limit`` DEKs under the current KEK; returns how many are left. Call it until it says 0."""
        return self.records.transact(lambda tx: rewrap_some(tx, self._keks, self._kek, limit))

    def reencrypt(self, limit: int = 100) -> int:
        """Move up to ``limit`` fields under the newest DEK; returns how many are left. Call it until it says 0.

        The store can be used meanwhile and the work may be broken off anywhere; emptied DEKs are removed.
        """
        return reencrypt_some(self.records, self._deks, limit)

    @property
    def kek_id(self) -> str:
        """Return the name of the key-encryption key."""
        return self._kek.kek_id

    def _blob(self, key_id: str, field: str) -> bytes:
        row = self.records.get(SECRET, key_id, field)
        if row is None or self.records.get(DESTROYED, key_id) is not None:
            raise NotFound(
                f"the key store has no field {field!r} of key {key_id!r}",
                fix="check the id; a destroyed key does not come back, one that was lost comes from a back-up",
            )
        return bytes(row["blob"])

    def _opened(self, key_id: str, field: str, blob: bytes) -> Secret:
        return Secret(open_field(self._deks.for_reading(dek_id_of(blob)), key_id, field, blob))

    def _refuse_unknown_keks(self) -> None:
        stored = {row["kek_id"] for row in self.records.find(DEK, columns=("kek_id",))}
        unknown = sorted(stored - self._keks.keys())
        if unknown:
            self.records.close()
            raise Unavailable(
                f"the key store was written under {', '.join(unknown)}; given was {self._kek.kek_id}",
                rule="kek-missing",
                fix="start with that key-encryption key, or name it as a retired one",
            )


def _insert(row: Row, tx: Transaction) -> bool:
    """Add a field whose id nobody destroys and whose DEK nobody retires meanwhile; False where the DEK is gone."""
    key_id, dek_id = row["key_id"], row["dek_id"]
    if tx.get(DESTROYED, key_id) is not None:
        raise WrongState(f"key {key_id!r} was destroyed", rule="key-destroyed", fix="use a fresh key id")
    tx.hold(SECRET, {"key_id": key_id})
    if tx.hold(DEK, {"dek_id": dek_id}) == 0:
        return False
    if not tx.insert(SECRET, row):
        raise AlreadyExists(
            f"field {row['field']!r} of key {key_id!r} exists and is never overwritten", fix="use a fresh key id"
        )
    return True


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

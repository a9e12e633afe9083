"""Data-encryption keys: which one new secrets use, when it ends, and a bounded cache of unwrapped ones."""

from __future__ import annotations

import os
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Unavailable
from domain.moments import microseconds, moment_of
from infra.keystore.errors import RESTORE, SecretAltered
from infra.keystore.fields import DEK_ID_BYTES, lp
from infra.keystore.kek import KeyEncryptionKey

MAX_AGE = timedelta(days=90)
MAX_USES = 2**30  # a quarter of the 2^32 random nonces that NIST SP 800-38D section 8.3 allows for one key
USES_PER_BLOCK = 256
_CACHED = 64
_CACHE_FOR = timedelta(minutes=15)


def context_of(dek_id: bytes, created_at_us: int) -> bytes:
    """Return what a wrapped DEK is bound to: its id, and its age, so that nobody makes an old key look young."""
    return lp(b"sslclm.dek.v1", dek_id, created_at_us.to_bytes(8, "big"))


class DekRing:
    """The DEKs of one store. Not thread-safe: the store's lock is held around every call.

    Uses are counted in blocks that are written before they are used; a crash wastes the rest of a block, it never
    forgets a use.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        keks: Mapping[str, KeyEncryptionKey],
        kek: KeyEncryptionKey,
        clock: Callable[[], datetime],
    ) -> None:
        self._connection = connection
        self._keks = keks
        self._kek = kek
        self._clock = clock
        self._cache: OrderedDict[bytes, tuple[datetime, AESGCM]] = OrderedDict()
        self._current: tuple[bytes, datetime] | None = None
        self._left = 0

    def for_writing(self) -> tuple[bytes, AESGCM]:
        """Return the DEK for one new secret and count the use; starts a new DEK where the last one is used up."""
        if self._current is None or self._left == 0 or self._is_over(*self._current):
            self._current, self._left = self._reserve(), USES_PER_BLOCK
        self._left -= 1
        return self._current[0], self.for_reading(self._current[0])

    def for_reading(self, dek_id: bytes) -> AESGCM:
        """Return the cipher of a DEK; raises :class:`SecretAltered` for an id that is not there."""
        now = self._clock()
        cached = self._cache.get(dek_id)
        if cached is not None and now < cached[0] + _CACHE_FOR:
            self._cache.move_to_end(dek_id)
            return cached[1]
        aead = AESGCM(self._unwrap(dek_id))
        self._cache[dek_id] = (now, aead)
        while len(self._cache) > _CACHED:
            self._cache.popitem(last=False)
        return aead

    def start(self) -> bytes:
        """Make a new DEK that new secrets use from now on; returns its id."""
        dek_id, now = os.urandom(DEK_ID_BYTES), microseconds(self._clock())
        wrapped = self._kek.wrap(AESGCM.generate_key(256), context_of(dek_id, now))
        self._connection.execute("INSERT INTO dek VALUES (?, ?, ?, ?, 0)", (dek_id, now, self._kek.kek_id, wrapped))
        self._current, self._left = None, 0
        return dek_id

    def newest(self) -> bytes | None:
        """Return the id of the DEK that was made last; None in an empty store."""
        row = self._connection.execute("SELECT dek_id FROM dek ORDER BY created_at_us DESC, rowid DESC LIMIT 1")
        found: tuple[bytes] | None = row.fetchone()
        return None if found is None else found[0]

    def forget(self) -> None:
        """Drop every unwrapped key from the cache."""
        self._cache.clear()

    def _is_over(self, dek_id: bytes, created_at: datetime) -> bool:
        """Tell whether a DEK is too old, or another process has started a newer one."""
        return self._clock() >= created_at + MAX_AGE or dek_id != self.newest()

    def _reserve(self) -> tuple[bytes, datetime]:
        """Write down a block of uses of the newest DEK; one that is too old or used up is followed by a new one."""
        dek_id = self.newest() or self.start()
        made = self._count_block(dek_id)
        if made is None:
            dek_id = self.start()
            made = self._count_block(dek_id)
        assert made is not None  # a DEK of this moment is neither too old nor used up
        return dek_id, made

    def _count_block(self, dek_id: bytes) -> datetime | None:
        oldest = microseconds(self._clock() - MAX_AGE)
        sql = """UPDATE dek SET uses = uses + ?1 WHERE dek_id = ?2 AND created_at_us > ?3 AND uses + ?1 <= ?4
                 RETURNING created_at_us"""
        rows = self._connection.execute(sql, (USES_PER_BLOCK, dek_id, oldest, MAX_USES)).fetchall()
        return moment_of(rows[0][0]) if rows else None

    def _unwrap(self, dek_id: bytes) -> bytes:
        sql = "SELECT created_at_us, kek_id, wrapped FROM dek WHERE dek_id = ?"
        row = self._connection.execute(sql, (dek_id,)).fetchone()
        if row is None:
            raise SecretAltered(
                f"a secret names the data-encryption key {dek_id.hex()}, which is not in the store", fix=RESTORE
            )
        kek = self._keks.get(row[1])
        if kek is None:
            raise Unavailable(
                f"data-encryption keys are wrapped by {row[1]}, which was not given",
                rule="kek-missing",
                fix="start with that key-encryption key, or name it as a retired one",
            )
        return kek.unwrap(row[2], context_of(dek_id, row[0]))

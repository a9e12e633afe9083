"""Data-encryption keys: which one new secrets use, when it ends, and a bounded cache of unwrapped ones."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import RLock

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import Unavailable
from domain.moments import microseconds, moment_of
from infra.keystore.errors import RESTORE, SecretAltered
from infra.keystore.fields import DEK_ID_BYTES, lp
from infra.keystore.kek import KeyEncryptionKey
from infra.keystore.tables import DEK
from infra.records.port import Reading, Records, Transaction
from infra.records.tables import Row

MAX_AGE = timedelta(days=90)
MAX_USES = 2**30  # a quarter of the 2^32 random nonces that NIST SP 800-38D section 8.3 allows for one key
USES_PER_BLOCK = 256
_CACHED = 64
_CACHE_FOR = timedelta(minutes=15)
_SAME_MOMENT = 64
"""Most processes that may make the first DEK of a store at the same moment."""


def context_of(dek_id: bytes, created_at_us: int) -> bytes:
    """Return what a wrapped DEK is bound to: its id, and its age, so that nobody makes an old key look young."""
    return lp(b"sslclm.dek.v1", dek_id, created_at_us.to_bytes(8, "big"))


def newest_of(rows: Reading) -> Row | None:
    """Return the DEK that was made last, the same one to every process; None in an empty store."""
    youngest = rows.find(DEK, order=("-created_at_us",), limit=_SAME_MOMENT)
    return max(youngest, key=lambda row: (row["created_at_us"], row["dek_id"]), default=None)


class DekRing:
    """The DEKs of one store, for any thread.

    Uses are counted in blocks that are written before they are used; a crash wastes the rest of a block, it never
    forgets a use.
    """

    def __init__(
        self,
        records: Records,
        keks: Mapping[str, KeyEncryptionKey],
        kek: KeyEncryptionKey,
        clock: Callable[[], datetime],
    ) -> None:
        self._records, self._keks, self._kek, self._clock = records, keks, kek, clock
        self._lock = RLock()
        self._cache: OrderedDict[bytes, tuple[datetime, AESGCM]] = OrderedDict()
        self._current: tuple[bytes, datetime] | None = None
        self._left = 0

    def for_writing(self) -> tuple[bytes, AESGCM]:
        """Return the DEK for one new secret and count the use; starts a new DEK where the last one is used up."""
        with self._lock:
            if self._current is None or self._left == 0 or self._is_over(*self._current):
                self._current, self._left = self._records.transact(self._reserve), USES_PER_BLOCK
            self._left -= 1
            return self._current[0], self.for_reading(self._current[0])

    def for_reading(self, dek_id: bytes) -> AESGCM:
        """Return the cipher of a DEK; raises :class:`SecretAltered` for an id that is not there."""
        with self._lock:
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

    def start(self) -> None:
        """Make a new DEK that new secrets use from now on."""
        with self._lock:
            self._records.transact(self._begin)
            self._current, self._left = None, 0

    def forget(self) -> None:
        """Drop every unwrapped key from the cache."""
        with self._lock:
            self._cache.clear()

    def _is_over(self, dek_id: bytes, created_at: datetime) -> bool:
        """Tell whether a DEK is too old, or another process has started a newer one."""
        newest = newest_of(self._records)
        return self._clock() >= created_at + MAX_AGE or newest is None or dek_id != newest["dek_id"]

    def _reserve(self, tx: Transaction) -> tuple[bytes, datetime]:
        """Write down a block of uses of the newest DEK; one that is too old or used up is followed by a new one."""
        row = newest_of(tx)
        oldest = microseconds(self._clock() - MAX_AGE)
        if row is None or row["created_at_us"] <= oldest or row["uses"] + USES_PER_BLOCK > MAX_USES:
            row = self._begin(tx)
        tx.update(DEK, {"dek_id": row["dek_id"]}, {"uses": row["uses"] + USES_PER_BLOCK})
        return row["dek_id"], moment_of(row["created_at_us"])

    def _begin(self, tx: Transaction) -> Row:
        """Make a DEK that is younger than every other, whatever the clock says."""
        newest = newest_of(tx)
        made = max(microseconds(self._clock()), newest["created_at_us"] + 1 if newest else 0)
        dek_id = os.urandom(DEK_ID_BYTES)
        wrapped = self._kek.wrap(AESGCM.generate_key(256), context_of(dek_id, made))
        row = {"dek_id": dek_id, "created_at_us": made, "kek_id": self._kek.kek_id, "wrapped": wrapped, "uses": 0}
        tx.insert(DEK, row)
        return row

    def _unwrap(self, dek_id: bytes) -> bytes:
        row = self._records.get(DEK, dek_id)
        if row is None:
            raise SecretAltered(
                f"a secret names the data-encryption key {dek_id.hex()}, which is not in the store", fix=RESTORE
            )
        kek = self._keks.get(row["kek_id"])
        if kek is None:
            raise Unavailable(
                f"data-encryption keys are wrapped by {row['kek_id']}, which was not given",
                rule="kek-missing",
                fix="start with that key-encryption key, or name it as a retired one",
            )
        return kek.unwrap(row["wrapped"], context_of(dek_id, row["created_at_us"]))

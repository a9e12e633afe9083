"""Moving DEKs under another KEK and fields under another DEK: in steps, online, resumable."""

from __future__ import annotations

from collections.abc import Mapping

from domain.errors import Unavailable
from infra.keystore.deks import DekRing, context_of, newest_of
from infra.keystore.errors import SecretAltered
from infra.keystore.fields import dek_id_of, open_field, seal_field
from infra.keystore.kek import KeyEncryptionKey
from infra.keystore.tables import DEK, SECRET
from infra.records.port import Records, Transaction, other_than
from infra.records.tables import Row


def rewrap_some(tx: Transaction, keks: Mapping[str, KeyEncryptionKey], to: KeyEncryptionKey, limit: int) -> int:
    """Wrap up to ``limit`` DEKs anew; fields are not touched. Returns how many DEKs are left.

    This does not help against a KEK that leaked: old copies of the store stay readable with it. Then start a new DEK,
    re-encrypt, and re-key what the store held.
    """
    old = {"kek_id": other_than(to.kek_id)}
    for row in tx.find(DEK, old, limit=limit):
        if row["kek_id"] not in keks:
            raise Unavailable(
                f"{row['kek_id']} is needed to rewrap", rule="kek-missing", fix="name it as a retired one"
            )
        context = context_of(row["dek_id"], row["created_at_us"])
        again = to.wrap(keks[row["kek_id"]].unwrap(row["wrapped"], context), context)
        tx.update(DEK, {"dek_id": row["dek_id"]}, {"kek_id": to.kek_id, "wrapped": again})
    return tx.count(DEK, old)


def reencrypt_some(records: Records, deks: DekRing, limit: int) -> int:
    """Encrypt up to ``limit`` fields under the newest DEK; returns how many are left under older ones.

    Each field is moved only where it still is what was read, so that a destruction or another mover in between is
    never undone. DEKs that no field uses any more are removed with the last field.
    """
    newest = newest_of(records)
    if newest is None:
        return 0
    for row in records.find(SECRET, {"dek_id": other_than(newest["dek_id"])}, limit=limit):
        _move(records, deks, row)
    newest = newest_of(records) or newest
    left = records.count(SECRET, {"dek_id": other_than(newest["dek_id"])})
    if left == 0:
        records.transact(_remove_unused)
    return left


def _move(records: Records, deks: DekRing, row: Row) -> None:
    key_id, field = row["key_id"], row["field"]
    try:
        value = open_field(deks.for_reading(dek_id_of(row["blob"])), key_id, field, row["blob"])
    except SecretAltered:
        if records.get(SECRET, key_id, field) == row:
            raise
        return  # another mover was faster
    dek_id, aead = deks.for_writing()
    moved = {"dek_id": dek_id, "blob": seal_field(aead, dek_id, key_id, field, value)}

    def work(tx: Transaction) -> None:
        if tx.hold(DEK, {"dek_id": dek_id}):  # gone: a later step moves the field under a newer one
            tx.update(SECRET, {"key_id": key_id, "field": field, "blob": row["blob"]}, moved)

    records.transact(work)


def _remove_unused(tx: Transaction) -> None:
    """Remove DEKs that nothing is under; whoever still has one in hand finds it gone, and asks anew."""
    newest = newest_of(tx)
    for row in tx.find(DEK, columns=("dek_id",)):
        name = {"dek_id": row["dek_id"]}
        if newest is not None and row["dek_id"] != newest["dek_id"] and tx.count(SECRET, name) == 0:
            tx.delete(DEK, name)

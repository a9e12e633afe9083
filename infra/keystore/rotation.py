"""Moving DEKs under another KEK and fields under another DEK: in steps, online, resumable at any point."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from domain.errors import Unavailable
from infra.keystore.deks import DekRing, context_of
from infra.keystore.fields import dek_id_of, open_field, seal_field
from infra.keystore.kek import KeyEncryptionKey


def rewrap_some(
    connection: sqlite3.Connection, keks: Mapping[str, KeyEncryptionKey], to: KeyEncryptionKey, limit: int
) -> int:
    """Wrap up to ``limit`` DEKs anew; fields are not touched. Returns how many DEKs are left.

    Runs inside the caller's transaction. This does not help against a KEK that leaked: old copies of the file stay
    readable with it. Then start a new DEK, re-encrypt, and re-key what the store held.
    """
    sql = "SELECT dek_id, created_at_us, kek_id, wrapped FROM dek WHERE kek_id <> ? LIMIT ?"
    for dek_id, created_at_us, kek_id, wrapped in connection.execute(sql, (to.kek_id, limit)).fetchall():
        if kek_id not in keks:
            raise Unavailable(f"{kek_id} is needed to rewrap", rule="kek-missing", fix="name it as a retired one")
        context = context_of(dek_id, created_at_us)
        again = to.wrap(keks[kek_id].unwrap(wrapped, context), context)
        connection.execute("UPDATE dek SET kek_id = ?, wrapped = ? WHERE dek_id = ?", (to.kek_id, again, dek_id))
    left: tuple[int] = connection.execute("SELECT count(*) FROM dek WHERE kek_id <> ?", (to.kek_id,)).fetchone()
    return left[0]


def reencrypt_some(connection: sqlite3.Connection, deks: DekRing, limit: int) -> int:
    """Encrypt up to ``limit`` fields under the newest DEK; returns how many are left under older ones.

    Each field is moved by one statement that finds it only where it still is what was read, so that a destruction or
    another mover in between is never undone. DEKs that no field uses any more are removed with the last field.
    """
    newest = deks.newest()
    sql = "SELECT key_id, field, blob FROM secret WHERE dek_id <> ? LIMIT ?"
    for key_id, field, blob in connection.execute(sql, (newest, limit)).fetchall():
        value = open_field(deks.for_reading(dek_id_of(blob)), key_id, field, blob)
        dek_id, aead = deks.for_writing()
        moved = (dek_id, seal_field(aead, dek_id, key_id, field, value), key_id, field, blob)
        connection.execute("UPDATE secret SET dek_id = ?, blob = ? WHERE key_id = ? AND field = ? AND blob = ?", moved)
    newest = deks.newest()
    left: tuple[int] = connection.execute("SELECT count(*) FROM secret WHERE dek_id <> ?", (newest,)).fetchone()
    if left[0] == 0:
        connection.execute("DELETE FROM dek WHERE dek_id <> ? AND dek_id NOT IN (SELECT dek_id FROM secret)", (newest,))
    return left[0]

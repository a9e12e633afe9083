"""The key store's own SQLite file: tables, durability, mode."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from domain.errors import Unavailable
from infra.database_file import create_once

_SCHEMA = """
CREATE TABLE IF NOT EXISTS dek (
  dek_id BLOB PRIMARY KEY, created_at_us INTEGER NOT NULL, kek_id TEXT NOT NULL, wrapped BLOB NOT NULL,
  uses INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS secret (
  key_id TEXT NOT NULL, field TEXT NOT NULL, dek_id BLOB NOT NULL REFERENCES dek, blob BLOB NOT NULL,
  PRIMARY KEY (key_id, field)
) STRICT;
CREATE INDEX IF NOT EXISTS secret_by_dek ON secret (dek_id);
CREATE TABLE IF NOT EXISTS destroyed (key_id TEXT PRIMARY KEY, at_us INTEGER NOT NULL) STRICT;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, making it with mode 0600; every commit waits for the disk.

    ``secure_delete`` overwrites removed rows, so that a destroyed key does not stay in the free pages of the file.
    Autocommit: each writer opens its transaction with ``BEGIN IMMEDIATE``. Raises
    :class:`domain.errors.Unavailable` where the path cannot be such a file.
    """
    connection = None
    try:
        create_once(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_SCHEMA)
    except (OSError, sqlite3.Error) as failure:
        if connection is not None:
            connection.close()
        raise Unavailable(
            f"{path} is no key store that we can open: {failure}",
            rule="key-store-file",
            fix="make folder and file readable and writable for this account; restore the file if it is damaged",
        ) from failure
    return connection

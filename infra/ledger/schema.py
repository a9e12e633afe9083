"""The tables of the SQLite store, and the triggers that make them append-only.

The triggers stop mistakes and ordinary tools; whoever owns the file can drop them, which is what the chain and its
anchored checkpoints are for. ``INSERT OR REPLACE`` deletes without firing delete triggers, therefore every insert
trigger looks for the row that would be replaced.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from commands.ports.ledger import LedgerUnavailable
from infra.database_file import create_once

TABLES = """
CREATE TABLE IF NOT EXISTS entry (
    first_position INTEGER PRIMARY KEY,
    n              INTEGER NOT NULL,
    recorded_at_us INTEGER NOT NULL,
    prev_hash      BLOB NOT NULL,
    entry_hash     BLOB NOT NULL,
    metadata_salt  BLOB NOT NULL,
    metadata       BLOB NOT NULL,
    idempotency    TEXT
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS entry_idempotency ON entry (idempotency) WHERE idempotency IS NOT NULL;
CREATE TABLE IF NOT EXISTS event (
    position       INTEGER PRIMARY KEY,
    stream_id      TEXT NOT NULL,
    stream_version INTEGER NOT NULL,
    topic          TEXT NOT NULL,
    nonce          BLOB NOT NULL,
    state          BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS event_stream ON event (stream_id, stream_version);
CREATE TABLE IF NOT EXISTS details (
    first_position INTEGER PRIMARY KEY,
    details        BLOB
) STRICT;
"""

TRIGGERS = """
CREATE TRIGGER IF NOT EXISTS entry_next BEFORE INSERT ON entry
WHEN NEW.first_position <> coalesce((SELECT first_position + n FROM entry ORDER BY first_position DESC LIMIT 1), 1)
  OR NEW.n < 1 OR EXISTS (SELECT 1 FROM entry WHERE idempotency = NEW.idempotency)
BEGIN SELECT RAISE(ABORT, 'the ledger only takes a new entry at the next position'); END;
CREATE TRIGGER IF NOT EXISTS event_next BEFORE INSERT ON event
WHEN NEW.position <> coalesce((SELECT max(position) FROM event), 0) + 1
  OR NEW.position >= (SELECT first_position + n FROM entry ORDER BY first_position DESC LIMIT 1)
  OR EXISTS (SELECT 1 FROM event WHERE stream_id = NEW.stream_id AND stream_version = NEW.stream_version)
BEGIN SELECT RAISE(ABORT, 'the ledger only takes a new event at the next position of an entry'); END;
CREATE TRIGGER IF NOT EXISTS details_next BEFORE INSERT ON details
WHEN NEW.first_position <= coalesce((SELECT max(first_position) FROM details), 0)
  OR NOT EXISTS (SELECT 1 FROM entry WHERE first_position = NEW.first_position)
BEGIN SELECT RAISE(ABORT, 'details come with their entry'); END;
CREATE TRIGGER IF NOT EXISTS entry_fixed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_fixed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS details_erase BEFORE UPDATE ON details
WHEN NEW.details IS NOT NULL OR NEW.first_position IS NOT OLD.first_position
BEGIN SELECT RAISE(ABORT, 'details may be erased, never changed'); END;
CREATE TRIGGER IF NOT EXISTS entry_kept BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS event_kept BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS details_kept BEFORE DELETE ON details
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""

SCHEMA_VERSION = 1
_SWITCH_ATTEMPTS = 20

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another process's group before it answers that the ledger is unavailable."""


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open one connection to a file that exists, in autocommit mode; one thread at a time may use it."""
    # mode=rw: a ledger whose file has gone must not begin anew as an empty one.
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=rw",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    # Before anything else: a sync mode that is set inside a transaction is ignored.
    connection.execute("PRAGMA synchronous = FULL")
    # What is erased is overwritten with zeros, not only unlinked.
    connection.execute("PRAGMA secure_delete = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def prepare(path: Path) -> None:
    """Create the file, for its owner only, and what is missing in it; harmless when repeated.

    Raises LedgerUnavailable where the file cannot be opened, is no ledger or was written by a later version.
    """
    try:
        create_once(path)
        with closing(connect(path)) as connection:
            _switch_to_wal(connection)
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise LedgerUnavailable(f"{path} was written by a later version of this program: install that version")
            connection.executescript(
                f"BEGIN IMMEDIATE; {TABLES} {TRIGGERS} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
    except (OSError, sqlite3.Error) as error:
        raise LedgerUnavailable(f"the ledger {path} cannot be opened: {error}") from error


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; the file remembers it."""
    for _ in range(_SWITCH_ATTEMPTS):
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError:
            # Another process is switching. This statement does not wait for locks, a transaction does.
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        else:
            break
    else:
        mode = "a locked file"
    if mode != "wal":
        raise LedgerUnavailable(f"SQLite offers {mode} instead of its write-ahead log here: use a local disk")


def erase(path: Path, first_position: int) -> bool:
    """Set an entry's details to NULL, empty the write-ahead log of the old page, and say whether there were any."""
    connection = connect(path)
    try:
        changed = connection.execute(
            "UPDATE details SET details = NULL WHERE first_position = ? AND details IS NOT NULL", (first_position,)
        ).rowcount
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    return changed > 0

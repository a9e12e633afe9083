"""The notices' own SQLite file: what was told, what is to be sent, and how far the ledger was read.

No projection: an attempt to deliver is a fact of the outside world that no ledger can tell again. It may be deleted
while the backend is stopped; then the notices of the last days are made, and sent, again, under the same ids.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from commands.notices.notice import Audience, Notice, Severity
from commands.ports.notices import Digest
from domain.errors import Unavailable
from domain.moments import microseconds, moment_of
from infra.database_file import create_once

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cursor (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS notice (
  notice_id TEXT PRIMARY KEY, position INTEGER NOT NULL, at_us INTEGER NOT NULL, kind TEXT NOT NULL,
  severity TEXT NOT NULL, audience TEXT NOT NULL, team_id TEXT, object_id TEXT NOT NULL, sentence TEXT NOT NULL,
  todo TEXT NOT NULL, command TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS notice_position ON notice (position);
CREATE TABLE IF NOT EXISTS pending (
  channel TEXT NOT NULL, recipient TEXT NOT NULL, notice_id TEXT NOT NULL, since_us INTEGER NOT NULL,
  PRIMARY KEY (channel, recipient, notice_id)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS digest (
  number INTEGER PRIMARY KEY, digest_id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, recipient TEXT NOT NULL,
  created_us INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_us INTEGER NOT NULL,
  problem TEXT NOT NULL, notices TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS digest_state ON digest (state, due_us);
"""
_NOTICE = "notice_id, position, at_us, kind, severity, audience, team_id, object_id, sentence, todo, command"
_DIGEST = "digest_id, channel, recipient, created_us, state, attempts, due_us, problem, json_array_length(notices)"


class NoticesDatabase:
    """One connection to the file (mode 0600), used by one thread at a time, opened when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one transaction; an exception rolls it back. Raises Unavailable."""
        with self._lock, _answering():
            db = self._open()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk may have ended it already
                    db.execute("ROLLBACK")
                raise

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return all rows of a query; the query says how many at most. Raises Unavailable."""
        with self._lock, _answering():
            return self._open().execute(sql, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            create_once(self._path)
            opened = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
                opened.execute(f"PRAGMA {pragma}")
            opened.executescript(_SCHEMA)
            self._connection = opened
        return self._connection


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as failure:
        raise Unavailable(
            "the notices' file cannot be used now", rule="notices-store", fix="see the disk of the data folder"
        ) from failure


def add_notice(db: sqlite3.Connection, notice: Notice) -> bool:
    """Store a notice; False where it is stored already."""
    row = (
        notice.notice_id, notice.position, microseconds(notice.at), notice.kind, notice.severity.value,
        json.dumps([one.value for one in notice.audience]), notice.team_id, notice.object_id, notice.sentence,
        notice.todo, notice.command,
    )  # fmt: skip
    marks = ", ".join("?" * len(row))
    return db.execute(f"INSERT OR IGNORE INTO notice VALUES ({marks})", row).rowcount == 1  # noqa: S608 - question marks


def read_notices(rows: list[tuple[Any, ...]]) -> tuple[Notice, ...]:
    """Return notices from rows of :func:`select_notices`."""
    return tuple(
        Notice(one[0], one[1], moment_of(one[2]), one[3], Severity(one[4]), _audience(one[5]), *one[6:]) for one in rows
    )


def _audience(text: str) -> tuple[Audience, ...]:
    return tuple(map(Audience, json.loads(text)))


def read_digests(rows: list[tuple[Any, ...]]) -> tuple[Digest, ...]:
    """Return messages from rows of :func:`select_digests`."""
    return tuple(
        Digest(
            digest_id=one[0],
            channel=one[1],
            recipient=one[2],
            created=moment_of(one[3]),
            state=one[4],
            attempts=one[5],
            due=moment_of(one[6]),
            problem=one[7],
            count=one[8],
        )
        for one in rows
    )


def select_notices(where: str) -> str:
    """Return the query for notices; ``where`` is ours, with question marks for every value."""
    return f"SELECT {_NOTICE} FROM notice {where}"  # noqa: S608 - no value in it


def select_digests(where: str) -> str:
    """Return the query for messages; ``where`` as in :func:`select_notices`."""
    return f"SELECT {_DIGEST} FROM digest {where}"  # noqa: S608 - no value in it

"""Signs of life in memory, with a small file of their own so that a restart does not forget them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from commands.ports.presence import SignOfLife, WatchedHost
from domain.moments import microseconds, moment_of
from infra.database_file import create_once
from projections.hosts.hosts import HOSTS, HostFilter
from projections.query import MAX_LIMIT, Views

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sign (
  host_id TEXT PRIMARY KEY, at_us INTEGER NOT NULL, agent_version TEXT NOT NULL, state TEXT NOT NULL,
  detail TEXT NOT NULL) STRICT
"""
_ALL = "SELECT host_id, at_us, agent_version, state, detail FROM sign"
_NEWER = """
INSERT INTO sign VALUES (?, ?, ?, ?, ?) ON CONFLICT (host_id) DO UPDATE SET
  at_us = excluded.at_us, agent_version = excluded.agent_version, state = excluded.state, detail = excluded.detail
WHERE excluded.at_us > at_us
"""


class SqlitePresence:
    """Adapter of :class:`commands.ports.presence.Presence`: every call is a dictionary's, :meth:`save` is the file's.

    The file is read when the first question comes, and may be deleted while the backend is stopped.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path, self._clock = path, clock
        self._lock = threading.Lock()
        self._signs: dict[str, SignOfLife] | None = None
        self._unsaved: set[str] = set()

    def heard(self, host_id: str) -> None:
        """Note that a host's agent is speaking now."""
        with self._lock:
            known = self._known().get(host_id)
            now = self._clock()
            self._note(host_id, replace(known, at=now) if known else SignOfLife(now))

    def told(self, host_id: str, *, agent_version: str, state: str, detail: str) -> None:
        """Note what an agent says of itself now."""
        with self._lock:
            self._note(host_id, SignOfLife(self._clock(), agent_version, state, detail))

    def last(self, host_id: str) -> SignOfLife | None:
        """Return the last sign of life; None where none is known."""
        with self._lock:
            return self._known().get(host_id)

    def save(self) -> None:
        """Write what has changed, and learn what other processes have heard since.

        Raises ``sqlite3.Error`` and keeps everything for the next time where that fails.
        """
        with self._lock:
            names, self._unsaved = self._unsaved, set()
            rows = [(name, *_columns(self._known()[name])) for name in names]
        try:
            with closing(_open(self._path)) as db, db:
                db.executemany(_NEWER, rows)
                found = db.execute(_ALL).fetchall()
        except sqlite3.Error:
            with self._lock:
                self._unsaved |= names
            raise
        with self._lock:
            self._learn(found)

    def _note(self, host_id: str, sign: SignOfLife) -> None:
        self._known()[host_id] = sign
        self._unsaved.add(host_id)

    def _known(self) -> dict[str, SignOfLife]:
        if self._signs is None:
            with closing(_open(self._path)) as db:
                rows = db.execute(_ALL).fetchall()
            self._signs = {}
            self._learn(rows)
        return self._signs

    def _learn(self, rows: Iterable[tuple[Any, ...]]) -> None:
        signs = self._known()
        for host_id, at_us, *told in rows:
            sign, known = SignOfLife(moment_of(at_us), *told), signs.get(host_id)
            if known is None or known.at < sign.at:
                signs[host_id] = sign


def _columns(sign: SignOfLife) -> tuple[int, str, str, str]:
    return microseconds(sign.at), sign.agent_version, sign.state, sign.detail


def _open(path: Path) -> sqlite3.Connection:
    create_once(path)
    connection = sqlite3.connect(path, timeout=5.0)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(_SCHEMA)
    return connection


class ViewsFleet:
    """Adapter of :class:`commands.ports.presence.Fleet` over the read model of hosts."""

    def __init__(self, views: Views) -> None:
        self._views = views

    def watched(self) -> Iterator[WatchedHost]:
        """Yield the hosts with an enrolled agent."""
        cursor: str | None = None
        while True:
            page = self._views.find(HOSTS, HostFilter(state="enrolled"), cursor=cursor, limit=MAX_LIMIT)
            for row in page.rows:
                yield WatchedHost(row["host_id"], row["offline"], moment_of(row["changed_us"]))
            cursor = page.next_cursor
            if cursor is None:
                return

"""The notices that are kept and the messages that carry them: adapter of ``commands.ports.notices.Notices``.

::

    ledger ─▶ notice ─▶ pending (channel, recipient) ─▶ digest ─▶ sent | given up

A notice waits a minute for others; then one message carries all that wait for the same recipient. Only one message per
recipient is on its way: while it cannot be delivered, what follows is gathered for the next.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from commands.notices.notice import Notice
from commands.ports.notices import Digest, NoticePage
from domain.ids import derived_id
from domain.moments import microseconds
from infra.notices.database import (
    NoticesDatabase,
    add_notice,
    read_digests,
    read_notices,
    select_digests,
    select_notices,
)

COALESCE = timedelta(minutes=1)
"""So long a notice waits for others."""
APART = timedelta(minutes=5)
"""One recipient gets no two messages closer together."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
AT_ONCE = 1_000
"""Most notices of one message."""
KEEP_NOTICES, KEEP_DIGESTS = 10_000, 1_000

Recipients = Callable[[Notice], Iterable[tuple[str, str]]]
"""Returns (channel, recipient) of everybody who is to get a notice."""


class Outbox:
    """Every method is one short transaction."""

    def __init__(self, database: NoticesDatabase, clock: Callable[[], datetime]) -> None:
        self._database, self._clock = database, clock

    def position(self, head: int) -> int:
        """Return how far the ledger was read; after a restore it is never past the ``head``."""
        rows = self._database.rows("SELECT position FROM cursor")
        return min(int(rows[0][0]), head) if rows else 0

    def take_in(self, notices: Sequence[Notice], recipients: Recipients, *, read_to: int) -> None:
        """Store notices and the new position together; what is older than three days is listed, not sent."""
        now = self._clock()
        with self._database.transaction() as db:
            for notice in notices:
                if add_notice(db, notice) and now - notice.at < GIVE_UP_AFTER:
                    rows = [(*one, notice.notice_id, microseconds(now)) for one in recipients(notice)]
                    db.executemany("INSERT OR IGNORE INTO pending VALUES (?, ?, ?, ?)", rows)
            db.execute("INSERT OR REPLACE INTO cursor VALUES (1, ?)", (read_to,))
            if notices:
                _drop_old(db)

    def bundle(self) -> None:
        """Make the messages that are due: a minute after the first of their notices, five after the last message."""
        now = self._clock()
        ripe, apart = microseconds(now - COALESCE), microseconds(now - APART)
        with self._database.transaction() as db:
            waiting = db.execute(
                "SELECT channel, recipient FROM pending GROUP BY 1, 2 HAVING min(since_us) <= ? OR min(since_us) > ?",
                (ripe, microseconds(now)),  # or the clock was set back meanwhile
            ).fetchall()
            for channel, recipient in waiting:
                if not _holds_back(db, channel, recipient, apart, microseconds(now)):
                    _bundle(db, channel, recipient, microseconds(now))

    def due(self) -> tuple[Digest, ...]:
        """Return the messages that are to be tried now, the oldest first."""
        now = self._clock()
        query = select_digests("WHERE state = 'waiting' AND (due_us <= ? OR due_us > ?) ORDER BY number LIMIT 100")
        return read_digests(self._database.rows(query, microseconds(now), microseconds(now + LONGEST_PAUSE + COALESCE)))

    def content(self, digest_id: str) -> tuple[Notice, ...]:
        """Return the notices of a message, in the ledger's order; those that were dropped meanwhile are missing."""
        query = select_notices(
            "WHERE notice_id IN (SELECT value FROM digest, json_each(digest.notices) WHERE digest_id = ?)"
            " ORDER BY position"
        )
        return read_notices(self._database.rows(query, digest_id))

    def sent(self, digest: Digest) -> None:
        """Note that a message was taken by its receiver."""
        with self._database.transaction() as db:
            db.execute(
                "UPDATE digest SET state = 'sent', attempts = attempts + 1, problem = '' WHERE digest_id = ?",
                (digest.digest_id,),
            )

    def failed(self, digest: Digest, problem: str) -> None:
        """Note that it was not: tried again later, ever more rarely, and given up after three days."""
        now = self._clock()
        pause = min(FIRST_PAUSE * 2 ** min(digest.attempts, 10), LONGEST_PAUSE)
        over = now - digest.created > GIVE_UP_AFTER
        with self._database.transaction() as db:
            db.execute(
                "UPDATE digest SET state = ?, attempts = attempts + 1, due_us = ?, problem = ? WHERE digest_id = ?",
                ("given-up" if over else "waiting", microseconds(now + pause), problem, digest.digest_id),
            )

    def find(
        self,
        *,
        team_ids: tuple[str, ...] | None = None,
        kind: str | None = None,
        severity: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> NoticePage:
        """Return a page of notices, the newest first."""
        asked = {"kind = ?": kind, "severity = ?": severity, "position < ?": before}
        told = {term: value for term, value in asked.items() if value is not None}
        if team_ids is not None:
            told["team_id IN (SELECT value FROM json_each(?))"] = json.dumps(team_ids)
        where = f"WHERE {' AND '.join(told)} " if told else ""
        query = select_notices(f"{where}ORDER BY position DESC LIMIT ?")
        found = read_notices(self._database.rows(query, *told.values(), limit + 1))
        return NoticePage(found[:limit], found[limit - 1].position if len(found) > limit else None)

    def deliveries(self, *, state: str | None = None, limit: int = 50) -> Sequence[Digest]:
        """Return messages, the newest first."""
        query = select_digests("WHERE ?1 IS NULL OR state = ?1 ORDER BY number DESC LIMIT ?2")
        return read_digests(self._database.rows(query, state, limit))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def figures(self) -> dict[str, int]:
        """Return how many notices wait to be sent, and how many messages are in each state."""
        counts = dict(self._database.rows("SELECT state, count(*) FROM digest GROUP BY state"))
        pending = self._database.rows("SELECT count(*) FROM pending")[0][0]
        return {"pending": pending, **{state: counts.get(state, 0) for state in ("waiting", "sent", "given-up")}}


def _holds_back(db: sqlite3.Connection, channel: str, recipient: str, apart: int, now: int) -> bool:
    """Tell whether a message to this recipient is on its way, or was made a moment ago."""
    found = db.execute(
        "SELECT 1 FROM digest WHERE channel = ? AND recipient = ?"
        " AND (state = 'waiting' OR (created_us > ? AND created_us <= ?)) LIMIT 1",
        (channel, recipient, apart, now),
    ).fetchone()
    return found is not None


def _bundle(db: sqlite3.Connection, channel: str, recipient: str, now: int) -> None:
    rows = db.execute(
        "SELECT notice_id FROM pending JOIN notice USING (notice_id) WHERE channel = ? AND recipient = ?"
        " ORDER BY position LIMIT ?",
        (channel, recipient, AT_ONCE),
    ).fetchall()
    names = [row[0] for row in rows]
    if not names:  # what was pending is dropped by now
        db.execute("DELETE FROM pending WHERE channel = ? AND recipient = ?", (channel, recipient))
        return
    digest_id = derived_id("message", channel, recipient, *names)
    db.execute(
        "INSERT OR IGNORE INTO digest (digest_id, channel, recipient, created_us, state, attempts, due_us, problem,"
        " notices) VALUES (?, ?, ?, ?, 'waiting', 0, ?, '', ?)",
        (digest_id, channel, recipient, now, now, json.dumps(names)),
    )
    db.executemany(
        "DELETE FROM pending WHERE channel = ? AND recipient = ? AND notice_id = ?",
        [(channel, recipient, name) for name in names],
    )


def _drop_old(db: sqlite3.Connection) -> None:
    """Keep the file bounded: the oldest notices and the oldest messages that are done with go."""
    db.execute(
        "DELETE FROM notice WHERE position <= (SELECT position FROM notice ORDER BY position DESC LIMIT 1 OFFSET ?)",
        (KEEP_NOTICES,),
    )
    db.execute("DELETE FROM pending WHERE notice_id NOT IN (SELECT notice_id FROM notice)")
    db.execute(
        "DELETE FROM digest WHERE state <> 'waiting' AND number <="
        " (SELECT number FROM digest ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (KEEP_DIGESTS,),
    )

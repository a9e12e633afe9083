"""Server-side sessions in SQLite: the token is stored hashed, the evidence with its refresh token sealed."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from commands.ports.signin import EndedSession, Session, SessionKind, SignedIn, SignInRefused
from domain.errors import StepUpRequired
from infra.identity.database import IdentityDatabase, Sealer, digest
from infra.identity.evidence import Evidence, pack, unpack, without_tokens
from infra.identity.provider import Clock

IDLE_S = 30 * 60
ABSOLUTE_S = 8 * 3600
STEP_UP_S = 300
CHECK_S = 300
CHECK_EARLY_S = 240
"""A session is checked with the provider from here on, so that the limit of :data:`CHECK_S` is kept."""
_TOUCH_S = 15
_TOKEN_MAX = 128
_ALIVE = f"created > :now - {ABSOLUTE_S} AND seen > :now - {IDLE_S}"


class SqliteSessions:
    """Sessions that several processes of one machine share (port ``Sessions``)."""

    def __init__(self, database: IdentityDatabase, sealer: Sealer, clock: Clock) -> None:
        self._database = database
        self._sealer = sealer
        self._clock = clock

    def create(self, signed_in: SignedIn, kind: SessionKind = "browser") -> tuple[str, Session]:
        """Open a session under a new token of 256 random bits."""
        token, public_id, csrf = secrets.token_urlsafe(32), f"s-{secrets.token_hex(8)}", secrets.token_urlsafe(24)
        key, now = digest(token), self._now()
        sealed = self._sealer.seal(pack(signed_in), key)
        who = (signed_in.issuer, signed_in.subject, signed_in.provider_sid)
        sql = (
            "INSERT INTO session (token, id, kind, issuer, subject, sid, csrf, created, seen, checked, sealed) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        )
        with self._database.transaction() as connection:
            connection.execute(sql, (key, public_id, kind, *who, csrf, now, now, now, sealed))
        session = self.get(token)
        assert session is not None
        return token, session

    def get(self, token: str) -> Session | None:
        """Return the live session of a token and note that it was used; None for anything else."""
        row = self.row(token)
        if row is None:
            return None
        if self._now() - row["seen"] >= _TOUCH_S:
            with self._database.transaction() as connection:
                sql = f"UPDATE session SET seen = :now WHERE token = :token AND {_ALIVE}"  # noqa: S608 - a constant
                connection.execute(sql, {"now": self._now(), "token": row["token"]})  # what is over stays over
        return self._session(row)

    def row(self, token: str) -> sqlite3.Row | None:
        """Return the stored row of a live session, without noting a use."""
        if not 0 < len(token) <= _TOKEN_MAX:
            return None
        sql = f"SELECT * FROM session WHERE token = :token AND {_ALIVE}"  # noqa: S608 - a constant
        return self._database.row(sql, token=digest(token), now=self._now())

    def evidence(self, row: sqlite3.Row) -> Evidence | None:
        """Return the sealed evidence of a row; None where it was moved, altered or sealed under another key."""
        plain = self._sealer.open(row["sealed"], row["token"])
        return None if plain is None else unpack(plain)

    def end(self, token: str) -> Session | None:
        """End a session; returns what was ended."""
        ended = self._end("token = ?", digest(token))
        return ended[0] if ended else None

    def end_by_provider_sid(self, issuer: str, sid: str) -> tuple[Session, ...]:
        """End every session that came from one session at the provider."""
        return self._end("issuer = ? AND sid = ?", issuer, sid)

    def end_by_subject(self, issuer: str, subject: str) -> tuple[Session, ...]:
        """End every session of one person."""
        return self._end("issuer = ? AND subject = ?", issuer, subject)

    def note_step_up(self, token: str, signed_in: SignedIn, act: str) -> Session:
        """Bind a step-up to one act of this session for 300 s from the authentication, take over the evidence."""
        row = self.row(token)
        if row is None or (row["issuer"], row["subject"]) != (signed_in.issuer, signed_in.subject):
            raise SignInRefused(
                "the step-up was made by somebody else", rule="step-up-person", fix="sign in as yourself"
            )
        now = self._now()
        at = signed_in.auth_time.timestamp() if signed_in.auth_time else 0.0
        if not signed_in.mfa or not now - STEP_UP_S <= at <= now + 60:
            raise StepUpRequired("the step-up is not a fresh multi-factor sign-in", fix="authenticate again")
        if not self.replace(row, signed_in):
            raise StepUpRequired("the session was renewed at the same moment", fix="authenticate again")
        with self._database.transaction() as connection:
            sql = "UPDATE session SET act = ?, act_until = ?, sid = coalesce(?, sid) WHERE token = ?"
            until = min(at, now) + STEP_UP_S
            connection.execute(sql, (act, until, signed_in.provider_sid, row["token"]))
        session = self.get(token)
        if session is None:
            raise SignInRefused("the session ended meanwhile", rule="step-up-person", fix="sign in again")
        return session

    def spend_step_up(self, token: str, act: str) -> bool:
        """Use up the step-up of an act: True exactly once, and only while it is fresh."""
        sql = "UPDATE session SET act = NULL, act_until = NULL WHERE token = ? AND act = ? AND act_until > ?"
        if self.row(token) is None:
            return False
        with self._database.transaction() as connection:
            return connection.execute(sql, (digest(token), act, self._now())).rowcount == 1

    def timed_out(self, limit: int) -> tuple[EndedSession, ...]:
        """Return up to ``limit`` sessions that are over by time, by whichever limit came first."""
        sql = f"SELECT * FROM session WHERE NOT ({_ALIVE}) ORDER BY created LIMIT :limit"  # noqa: S608 - a constant
        return tuple(map(_timed_out, self._database.rows(sql, now=self._now(), limit=limit)))

    def forget(self, ended: Iterable[EndedSession]) -> None:
        """Remove what :meth:`timed_out` returned."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM session WHERE id = ?", [(one.id,) for one in ended])

    def replace(self, row: sqlite3.Row, evidence: SignedIn) -> bool:
        """Store newer evidence of a session that the provider has just confirmed; False where it changed meanwhile."""
        sql = "UPDATE session SET sealed = ?, checked = ?, degraded = 0 WHERE token = ? AND sealed = ?"
        sealed = self._sealer.seal(pack(evidence), row["token"])
        with self._database.transaction() as connection:
            values = (sealed, self._now(), row["token"], row["sealed"])
            return connection.execute(sql, values).rowcount == 1

    def claim_check(self, token: str, pause_s: float) -> bool:
        """Win the right to ask the provider about this session: one process at a time, once in ``pause_s`` seconds."""
        now = self._now()
        sql = "UPDATE session SET asked = ? WHERE token = ? AND asked <= ?"
        with self._database.transaction() as connection:
            return connection.execute(sql, (now, digest(token), now - pause_s)).rowcount == 1

    def degrade(self, token: str) -> None:
        """Note that the provider could not confirm the session."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE session SET degraded = 1 WHERE token = ?", (digest(token),))

    def _now(self) -> float:
        return self._clock().timestamp()

    def _end(self, where: str, *values: object) -> tuple[Session, ...]:
        with self._database.transaction() as connection:
            rows = connection.execute(f"DELETE FROM session WHERE {where} RETURNING *", values).fetchall()  # noqa: S608 - constants
        return tuple(session for session in map(self._session, rows) if session is not None)

    def _session(self, row: sqlite3.Row) -> Session | None:
        evidence, now = self.evidence(row), self._now()
        if evidence is None:
            return None
        age = now - row["checked"]
        return Session(
            id=row["id"],
            kind=row["kind"],
            signed_in=without_tokens(evidence),
            created_at=datetime.fromtimestamp(row["created"], UTC),
            last_seen_at=datetime.fromtimestamp(row["seen"], UTC),
            expires_at=datetime.fromtimestamp(min(row["created"] + ABSOLUTE_S, row["seen"] + IDLE_S), UTC),
            degraded=bool(row["degraded"]) or age >= CHECK_S,
            due_for_recheck=age >= CHECK_EARLY_S,
            fresh_for=row["act"] if row["act"] is not None and row["act_until"] > now else None,
            csrf_token=row["csrf"],
        )


def _timed_out(row: sqlite3.Row) -> EndedSession:
    too_old = row["created"] + ABSOLUTE_S <= row["seen"] + IDLE_S
    return EndedSession(row["id"], row["issuer"], row["subject"], "expired" if too_old else "idle")

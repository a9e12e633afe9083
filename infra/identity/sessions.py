"""Server-side sessions: the token is stored hashed, the evidence with its refresh token sealed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from operator import itemgetter

from commands.ports.signin import EndedSession, Session, SessionKind, SignedIn, SignInRefused
from domain.errors import StepUpRequired
from infra.identity.evidence import Evidence, pack, unpack, without_tokens
from infra.identity.provider import Clock
from infra.identity.tables import SESSION
from infra.records.port import Records, Where, above, at_most, one_of
from infra.records.sealing import Sealer, digest
from infra.records.tables import Row

IDLE_S = 30 * 60
ABSOLUTE_S = 8 * 3600
STEP_UP_S = 300
CHECK_S = 300
CHECK_EARLY_S = 240
"""A session is checked with the provider from here on, so that the limit of :data:`CHECK_S` is kept."""
_TOUCH_S = 15
_TOKEN_MAX = 128


class StoredSessions:
    """Sessions that all processes share (port ``Sessions``)."""

    def __init__(self, records: Records, sealer: Sealer, clock: Clock) -> None:
        self._records = records
        self._sealer = sealer
        self._clock = clock

    def create(self, signed_in: SignedIn, kind: SessionKind = "browser") -> tuple[str, Session]:
        """Open a session under a new token of 256 random bits."""
        token, public_id, csrf = secrets.token_urlsafe(32), f"s-{secrets.token_hex(8)}", secrets.token_urlsafe(24)
        key, now = digest(token), self._now()
        sealed = self._sealer.seal(pack(signed_in), key)
        who: Row = {"issuer": signed_in.issuer, "subject": signed_in.subject, "sid": signed_in.provider_sid}
        names = {"token": key, "id": public_id, "kind": kind, "csrf": csrf, "sealed": sealed}
        times = {"created": now, "seen": now, "checked": now, "asked": 0.0}
        none_yet = {"degraded": 0, "act": None, "act_until": None}
        self._records.transact(lambda tx: tx.insert(SESSION, who | names | times | none_yet))
        session = self.get(token)
        assert session is not None
        return token, session

    def get(self, token: str) -> Session | None:
        """Return the live session of a token and note that it was used; None for anything else."""
        row = self.row(token)
        if row is None:
            return None
        if self._now() - row["seen"] >= _TOUCH_S:
            alive, now = {"token": row["token"], **self._alive()}, self._now()  # what is over stays over
            self._records.transact(lambda tx: tx.update(SESSION, alive, {"seen": now}))
        return self._session(row)

    def row(self, token: str) -> Row | None:
        """Return the stored row of a live session, without noting a use."""
        if not 0 < len(token) <= _TOKEN_MAX:
            return None
        return next(iter(self._records.find(SESSION, {"token": digest(token), **self._alive()}, limit=1)), None)

    def evidence(self, row: Row) -> Evidence | None:
        """Return the sealed evidence of a row; None where it was moved, altered or sealed under another key."""
        plain = self._sealer.open(row["sealed"], row["token"])
        return None if plain is None else unpack(plain)

    def end(self, token: str) -> Session | None:
        """End a session; returns what was ended."""
        ended = self._end({"token": digest(token)})
        return ended[0] if ended else None

    def end_by_provider_sid(self, issuer: str, sid: str) -> tuple[Session, ...]:
        """End every session that came from one session at the provider."""
        return self._end({"issuer": issuer, "sid": sid})

    def end_by_subject(self, issuer: str, subject: str) -> tuple[Session, ...]:
        """End every session of one person."""
        return self._end({"issuer": issuer, "subject": subject})

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
        changes: Row = {"act": act, "act_until": min(at, now) + STEP_UP_S}
        if signed_in.provider_sid is not None:
            changes["sid"] = signed_in.provider_sid
        self._records.transact(lambda tx: tx.update(SESSION, {"token": row["token"]}, changes))
        session = self.get(token)
        if session is None:
            raise SignInRefused("the session ended meanwhile", rule="step-up-person", fix="sign in again")
        return session

    def spend_step_up(self, token: str, act: str) -> bool:
        """Use up the step-up of an act: True exactly once, and only while it is fresh."""
        if self.row(token) is None:
            return False
        fresh: Where = {"token": digest(token), "act": act, "act_until": above(self._now())}
        return self._records.transact(lambda tx: tx.update(SESSION, fresh, {"act": None, "act_until": None})) == 1

    def timed_out(self, limit: int) -> tuple[EndedSession, ...]:
        """Return up to ``limit`` sessions that are over by time, by whichever limit came first."""
        now = self._now()
        over = [{"created": at_most(now - ABSOLUTE_S)}, {"seen": at_most(now - IDLE_S)}]
        rows = [row for each in over for row in self._records.find(SESSION, each, order=("created",), limit=limit)]
        found = {row["id"]: row for row in sorted(rows, key=itemgetter("created"))}
        return tuple(map(_timed_out, islice(found.values(), limit)))

    def forget(self, ended: Iterable[EndedSession]) -> None:
        """Remove what :meth:`timed_out` returned."""
        names = one_of(one.id for one in ended)
        self._records.transact(lambda tx: tx.delete(SESSION, {"id": names}))

    def replace(self, row: Row, evidence: SignedIn) -> bool:
        """Store newer evidence of a session that the provider has just confirmed; False where it changed meanwhile."""
        unchanged = {"token": row["token"], "sealed": row["sealed"]}
        changes = {"sealed": self._sealer.seal(pack(evidence), row["token"]), "checked": self._now(), "degraded": 0}
        return self._records.transact(lambda tx: tx.update(SESSION, unchanged, changes)) == 1

    def claim_check(self, token: str, pause_s: float) -> bool:
        """Win the right to ask the provider about this session: one process at a time, once in ``pause_s`` seconds."""
        now = self._now()
        unasked: Where = {"token": digest(token), "asked": at_most(now - pause_s)}
        return self._records.transact(lambda tx: tx.update(SESSION, unasked, {"asked": now})) == 1

    def degrade(self, token: str) -> None:
        """Note that the provider could not confirm the session."""
        self._records.transact(lambda tx: tx.update(SESSION, {"token": digest(token)}, {"degraded": 1}))

    def _now(self) -> float:
        return self._clock().timestamp()

    def _alive(self) -> Where:
        now = self._now()
        return {"created": above(now - ABSOLUTE_S), "seen": above(now - IDLE_S)}

    def _end(self, where: Where) -> tuple[Session, ...]:
        rows = self._records.transact(lambda tx: tx.delete(SESSION, where))
        return tuple(session for session in map(self._session, rows) if session is not None)

    def _session(self, row: Row) -> Session | None:
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


def _timed_out(row: Row) -> EndedSession:
    too_old = row["created"] + ABSOLUTE_S <= row["seen"] + IDLE_S
    return EndedSession(row["id"], row["issuer"], row["subject"], "expired" if too_old else "idle")

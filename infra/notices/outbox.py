"""The notices that are kept and the messages that carry them: adapter of ``commands.ports.notices.Notices``.

::

    ledger ─▶ notice ─▶ pending (channel, recipient) ─▶ digest ─▶ sent | given up

A notice waits a minute for others; then one message carries all that wait for the same recipient. Only one message per
recipient is on its way: while it cannot be delivered, what follows is gathered for the next.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from commands.notices.notice import Notice
from commands.ports.notices import Digest, NoticePage
from domain.ids import derived_id
from domain.moments import microseconds
from infra.notices.tables import CURSOR, DIGEST, NOTICE, PENDING, digest_of, notice_of, notice_row
from infra.records.port import Records, Transaction, Where, above, at_most, below, one_of, other_than
from infra.records.tables import Row

COALESCE = timedelta(minutes=1)
"""So long a notice waits for others."""
APART = timedelta(minutes=5)
"""One recipient gets no two messages closer together."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)
AT_ONCE = 1_000
"""Most notices of one message."""
KEEP_NOTICES, KEEP_DIGESTS = 10_000, 1_000
_DUE_AT_ONCE = 100

Recipients = Callable[[Notice], Iterable[tuple[str, str]]]
"""Returns (channel, recipient) of everybody who is to get a notice."""


class Outbox:
    """Every method is one short transaction; several couriers may share the store."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self._clock = records, clock

    def position(self, head: int) -> int:
        """Return how far the ledger was read; after a restore it is never past the ``head``."""
        row = self._records.get(CURSOR, 1)
        return min(int(row["position"]), head) if row else 0

    def take_in(self, notices: Sequence[Notice], recipients: Recipients, *, read_to: int) -> None:
        """Store notices and the new position together; what is older than three days is listed, not sent."""
        now = self._clock()
        told = [(notice_row(one), list(recipients(one)) if now - one.at < GIVE_UP_AFTER else []) for one in notices]

        def work(tx: Transaction) -> None:
            for row, receivers in told:
                if tx.insert(NOTICE, row):
                    for channel, recipient in receivers:
                        tx.insert(PENDING, _pending(channel, recipient, row, microseconds(now)))
            tx.put(CURSOR, {"one": 1, "position": read_to})
            if told:
                _drop_old(tx)

        self._records.transact(work)

    def bundle(self) -> None:
        """Make the messages that are due: a minute after the first of their notices, five after the last message."""
        if self._records.count(PENDING):
            now = self._clock()
            self._records.transact(lambda tx: _bundle_ripe(tx, now))

    def due(self) -> tuple[Digest, ...]:
        """Return the messages that are to be tried now, the oldest first."""
        now = self._clock()
        ripe, far = microseconds(now), microseconds(now + LONGEST_PAUSE + COALESCE)
        waiting = self._records.find(DIGEST, {"state": "waiting"}, order=("number",))
        return tuple(digest_of(row) for row in waiting if row["due_us"] <= ripe or row["due_us"] > far)[:_DUE_AT_ONCE]

    def content(self, digest_id: str) -> tuple[Notice, ...]:
        """Return the notices of a message, in the ledger's order; those that were dropped meanwhile are missing."""
        found = self._records.find(DIGEST, {"digest_id": digest_id}, columns=("notices",))
        names = json.loads(found[0]["notices"]) if found else []
        asked = {"notice_id": one_of(names)}
        return tuple(map(notice_of, self._records.find(NOTICE, asked, order=("position", "notice_id"))))

    def sent(self, digest: Digest) -> None:
        """Note that a message was taken by its receiver."""
        self._note(digest, {"state": "sent", "problem": ""})

    def failed(self, digest: Digest, problem: str) -> None:
        """Note that it was not: tried again later, ever more rarely, and given up after three days."""
        now = self._clock()
        pause = min(FIRST_PAUSE * 2 ** min(digest.attempts, 10), LONGEST_PAUSE)
        state = "given-up" if now - digest.created > GIVE_UP_AFTER else "waiting"
        self._note(digest, {"state": state, "due_us": microseconds(now + pause), "problem": problem})

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
        asked = {
            "kind": kind,
            "severity": severity,
            "position": None if before is None else below(before),
            "team_id": None if team_ids is None else one_of(team_ids),
        }
        where: Where = {name: wish for name, wish in asked.items() if wish is not None}
        rows = self._records.find(NOTICE, where, order=("-position", "-notice_id"), limit=limit + 1)
        found = tuple(map(notice_of, rows))
        return NoticePage(found[:limit], found[limit - 1].position if len(found) > limit else None)

    def deliveries(self, *, state: str | None = None, limit: int = 50) -> Sequence[Digest]:
        """Return messages, the newest first."""
        where: Where = {} if state is None else {"state": state}
        return tuple(map(digest_of, self._records.find(DIGEST, where, order=("-number",), limit=limit)))

    def close(self) -> None:
        """Close the store."""
        self._records.close()

    def figures(self) -> dict[str, int]:
        """Return how many notices wait to be sent, and how many messages are in each state."""
        states = {state: self._records.count(DIGEST, {"state": state}) for state in ("waiting", "sent", "given-up")}
        return {"pending": self._records.count(PENDING), **states}

    def _note(self, digest: Digest, changes: Row) -> None:
        name: Where = {"digest_id": digest.digest_id}

        def work(tx: Transaction) -> None:
            for row in tx.find(DIGEST, name):
                tx.update(DIGEST, name, {**changes, "attempts": row["attempts"] + 1})

        self._records.transact(work)


def _pending(channel: str, recipient: str, notice: Row, now: int) -> Row:
    return {"channel": channel, "recipient": recipient, "notice_id": notice["notice_id"], "since_us": now}


def _bundle_ripe(tx: Transaction, moment: datetime) -> None:
    now, ripe, apart = (microseconds(moment - ago) for ago in (timedelta(), COALESCE, APART))
    waiting: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in tx.find(PENDING):
        waiting[row["channel"], row["recipient"]].append(row)
    for (channel, recipient), rows in waiting.items():
        first = min(row["since_us"] for row in rows)
        clock_was_set_back = first > now
        if (first <= ripe or clock_was_set_back) and not _holds_back(tx, channel, recipient, apart, now):
            _bundle(tx, channel, recipient, [row["notice_id"] for row in rows], now)


def _holds_back(tx: Transaction, channel: str, recipient: str, apart: int, now: int) -> bool:
    """Tell whether a message to this recipient is on its way, or was made a moment ago."""
    theirs: Where = {"channel": channel, "recipient": recipient}
    lately = tx.find(DIGEST, {**theirs, "created_us": above(apart)}, columns=("created_us",))
    return any(row["created_us"] <= now for row in lately) or tx.count(DIGEST, {**theirs, "state": "waiting"}) > 0


def _bundle(tx: Transaction, channel: str, recipient: str, waiting: Sequence[str], now: int) -> None:
    theirs: Where = {"channel": channel, "recipient": recipient}
    known: Where = {"notice_id": one_of(waiting)}
    rows = tx.find(NOTICE, known, order=("position", "notice_id"), limit=AT_ONCE, columns=("notice_id",))
    names = [row["notice_id"] for row in rows]
    if not names:  # what was pending is dropped by now
        tx.delete(PENDING, theirs)
        return
    last = tx.find(DIGEST, order=("-number",), limit=1, columns=("number",))
    digest = {
        "number": last[0]["number"] + 1 if last else 1,
        "digest_id": derived_id("message", channel, recipient, *names),
        "notices": json.dumps(names),
    }
    fresh = {"created_us": now, "state": "waiting", "attempts": 0, "due_us": now, "problem": ""}
    tx.insert(DIGEST, {**theirs, **digest, **fresh})
    tx.delete(PENDING, {**theirs, "notice_id": one_of(names)})


def _drop_old(tx: Transaction) -> None:
    """Keep the store bounded: the oldest notices and the oldest messages that are done with go."""
    notices, digests = tx.count(NOTICE) - KEEP_NOTICES, tx.count(DIGEST) - KEEP_DIGESTS
    if notices > 0:
        edge = tx.find(NOTICE, order=("position",), limit=notices, columns=("position",))[-1]
        dropped = tx.delete(NOTICE, {"position": at_most(edge["position"])})
        tx.delete(PENDING, {"notice_id": one_of(row["notice_id"] for row in dropped)})
    if digests > 0:
        last = tx.find(DIGEST, order=("number",), limit=digests, columns=("number",))[-1]
        tx.delete(DIGEST, {"number": at_most(last["number"]), "state": other_than("waiting")})

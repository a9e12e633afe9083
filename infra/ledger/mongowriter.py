"""One group of drafts into MongoDB: one ordered insert of one document per entry, and what follows when it fails.

**Why it is safe.** ``_id`` is the first position, so a position has one winner, whoever writes; no lock, no lease. A
plan is made for a head that a majority has: everything stored after that head begins with an entry at the position
that the plan's first entry needs. So when our insert there succeeds, nothing came in between, and what the plan checked
(keys, ``unchanged`` streams, versions, times) holds at the moment of the commit. Inserts are ordered and a failover
keeps a prefix, so there are no gaps.

**An unknown outcome** (connection lost, failover, write concern not confirmed) is never guessed: what we sent is
remembered until it is found by position and hash, read linearizably. Something that is still on its way may also land
later, at its old position only: then what we send next collides with it, and it is found.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.errors import BulkWriteError, PyMongoError

from commands.ports.ledger import (
    DuplicateIdempotencyKey,
    Entry,
    Head,
    LedgerError,
    LedgerUnavailable,
    OutcomeUnknown,
)
from domain.moments import microseconds
from infra.ledger.documents import details_of, document_of
from infra.ledger.group import Job
from infra.ledger.mongoreads import MongoReads, is_refusal
from infra.ledger.plan import Plan

BOUND_S = 30.0
"""So long a group is tried: an election takes less. Then each of its commands is told what is known of it."""

_TAKEN = 11_000
_NEVER = frozenset({13, 18, 121, 14_031})
"""The server will not, and did not: not authorised, no login, not a ledger's document, disk full."""
_RACE_PAUSES_S = (0.0, 0.002, 0.004, 0.008, 0.016, 0.032)
_LOST_PAUSE_S = 0.25


@dataclass
class Group:
    """Jobs on their way. ``sent``: position -> what was sent there and never answered."""

    jobs: list[Job]
    stored: list[Entry] = field(default_factory=list)
    sent: dict[int, list[tuple[Job, Entry]]] = field(default_factory=dict)

    def settle(self, job: Job, outcome: Entry | Exception) -> None:
        """Give a job its outcome, once."""
        if job.outcome is None:
            job.outcome = outcome
            self.jobs = [one for one in self.jobs if one is not job]
            if isinstance(outcome, Entry):
                self.stored.append(outcome)

    def doubt(self, pairs: Sequence[tuple[Job, Entry]]) -> None:
        """Remember what was sent without an answer."""
        for job, entry in pairs:
            self.sent.setdefault(entry.first_position, []).append((job, entry))

    def is_doubtful(self, job: Job) -> bool:
        """Say whether a job was sent without an answer."""
        return any(job is one for pairs in self.sent.values() for one, _ in pairs)


class _Known:
    """What the plan asks for, read in two queries for the whole group; see :class:`infra.ledger.plan.Known`."""

    def __init__(self, reads: MongoReads, session: ClientSession, jobs: Sequence[Job]) -> None:
        claims: dict[str, int] = {}
        for job in jobs:
            built_on = ((event.stream_id, event.stream_version - 1) for event in job.draft.events)
            for stream, version in (*built_on, *job.draft.unchanged.items()):
                claims[stream] = min(version, claims.get(stream, version))
        self._tails = reads.tails(session, claims)
        self._keys = reads.by_keys(session, [job.draft.idempotency for job in jobs if job.draft.idempotency])
        self._reads, self._session = reads, session

    def tail(self, stream_id: str) -> int | None:
        return self._tails.get(stream_id)

    def by_key(self, idempotency: str) -> Entry | None:
        return self._keys.get(idempotency)

    def tracked(self, name: str) -> int | None:
        return self._reads.tracked(self._session, name)


class MongoWriter:
    """Stores groups; used by one thread only."""

    def __init__(self, reads: MongoReads, clock: Callable[[], datetime]) -> None:
        self._reads, self._clock = reads, clock
        self._head = Head(0, b"")

    def store(self, jobs: Sequence[Job]) -> Sequence[Entry]:
        """Store a group, set the outcome of each job and return the entries that are durable now, in order."""
        group, ends = Group(list(jobs)), time.monotonic() + BOUND_S
        races, failure = _pauses(), None
        while True:
            try:
                failure = None
                self._resolve(group)
                if group.jobs:
                    self._send(group)
            except (PyMongoError, LedgerUnavailable) as error:
                failure = error
            if not group.jobs:
                return sorted(group.stored, key=_position)
            if time.monotonic() > ends or (_is_final(failure) and not group.sent):
                break
            time.sleep(_LOST_PAUSE_S if failure else next(races))
        _give_up(group, failure)
        return sorted(group.stored, key=_position)

    def _send(self, group: Group) -> None:
        """Plan at the present head and insert; returns with jobs left where another process was quicker."""
        self._reads.refuse_while_lost()
        with self._reads.session() as session:
            plan = self._plan(group, session)
            pairs = [(job, one) for job, one in zip(group.jobs, plan.outcomes, strict=True) if isinstance(one, Entry)]
            if not self._refuse(group, plan) or not pairs:
                return
            self._reads.store_details(details_of(plan.entries), session)
            documents = [document_of(entry, job.tracking) for job, entry in pairs]
            stored = self._insert(group, pairs, documents, session)
        for job, entry in pairs[:stored]:
            self._head = Head(entry.last_position, entry.entry_hash)
            group.settle(job, entry)

    def _plan(self, group: Group, session: ClientSession) -> Plan:
        head, at = self._reads.head_and_time(session)
        if head.position < self._head.position:
            raise LedgerUnavailable(
                f"the ledger ends at position {head.position}, though {self._head.position} was stored:"
                " the database was restored or emptied under a running backend; stop it and look"
            )
        plan = Plan(_Known(self._reads, session, group.jobs), head, max(microseconds(self._clock()), at))
        for job in group.jobs:
            plan.add(job)
        return plan

    def _refuse(self, group: Group, plan: Plan) -> bool:
        """Answer what the plan refused; False: something turned out to be stored, and the plan does not hold.

        Who repeats a command of this very group is answered when that one is stored: until then it is a plan.
        """
        outcomes = zip(group.jobs, plan.outcomes, strict=True)
        refused = [(job, one) for job, one in outcomes if isinstance(one, Exception) and not _rests_on(plan, one)]
        if any(group.is_doubtful(job) for job, _ in refused) and self._resolve(group):
            return False  # what was sent before has landed meanwhile: nobody conflicts with themselves
        for job, outcome in refused:
            group.settle(job, outcome)
        return True

    def _insert(
        self, group: Group, pairs: Sequence[tuple[Job, Entry]], documents: Sequence[Any], session: ClientSession
    ) -> int:
        """Insert in order; returns how many are durable. What has no certain answer is noted as doubtful."""
        try:
            # SingleWinner, Gapless: in order, at positions that are unique
            self._reads.entries.insert_many(documents, ordered=True, session=session)
        except BulkWriteError as error:
            wrong = (error.details or {}).get("writeErrors", [])
            if wrong and not (error.details or {}).get("writeConcernErrors"):
                if wrong[0]["code"] == _TAKEN:
                    return int(wrong[0]["index"])
                if wrong[0]["code"] in _NEVER:
                    for job, entry in pairs[: wrong[0]["index"]]:
                        group.settle(job, entry)
                    raise LedgerUnavailable(f"the database refuses entries: {wrong[0].get('errmsg', '')}") from None
            group.doubt(pairs)
            raise
        except PyMongoError as error:
            if not is_refusal(error, _NEVER):
                group.doubt(pairs)
            raise
        return len(documents)

    def _resolve(self, group: Group) -> bool:
        """Find what was sent without an answer, by position and hash, and say whether any of it is stored."""
        if not group.sent:
            return False
        self._reads.refuse_while_lost()
        waiting, found = len(group.jobs), self._reads.hashes(list(group.sent))
        for position, pairs in group.sent.items():
            for job, entry in pairs:
                if found.get(position) == entry.entry_hash:  # AcknowledgedIsDurable, RefusedMeansAbsent
                    self._head = max(self._head, Head(entry.last_position, entry.entry_hash), key=_end)
                    group.settle(job, entry)
        return len(group.jobs) < waiting


def _rests_on(plan: Plan, refusal: Exception) -> bool:
    return isinstance(refusal, DuplicateIdempotencyKey) and any(refusal.entry is one for one in plan.entries)


def _pauses() -> Iterator[float]:
    yield from _RACE_PAUSES_S
    while True:
        yield 0.05


def _is_final(failure: Exception | None) -> bool:
    """Say whether trying again is of no use: the ledger or the server refused, or has long had no primary."""
    return isinstance(failure, LedgerUnavailable) or (isinstance(failure, PyMongoError) and is_refusal(failure, _NEVER))


def _give_up(group: Group, failure: Exception | None) -> None:
    why = "others kept taking the next position"
    if failure is not None:
        why = str(failure) if isinstance(failure, LedgerUnavailable) else type(failure).__name__
    for job in tuple(group.jobs):
        refusal: LedgerError = LedgerUnavailable(f"the ledger takes no entries: {why}")
        if group.is_doubtful(job):
            refusal = OutcomeUnknown(f"the database went away while it took this entry: {why}")
        refusal.__cause__ = failure
        group.settle(job, refusal)


def _position(entry: Entry) -> int:
    return entry.first_position


def _end(head: Head) -> int:
    return head.position

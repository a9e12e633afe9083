"""Answers of the database that get lost: what was stored is found, the rest is sent again, nobody is told a guess."""

from __future__ import annotations

import pytest
from pymongo.errors import AutoReconnect

from commands.ports.ledger import DuplicateIdempotencyKey, LedgerUnavailable, OutcomeUnknown
from infra.ledger import mongowriter
from infra.ledger.chain import draw
from infra.ledger.drafts import genesis_draft
from infra.ledger.group import Job
from tests.support.ledger_stores import migrated, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, hashed, now


@pytest.fixture
def ledger(mongo_url):
    """Give a ledger of one entry."""
    migrated(mongo_url)
    made = open_ledger(mongo_url)
    made.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
    yield made
    made.close()


def _job(stream):
    made = draft(stream)
    return Job(made, draw(made))


class _Lossy:
    """A collection whose next insert answers with a lost connection: it took place, it did not, or it does later."""

    def __init__(self, collection, fate):
        self._collection, self._fate, self._late = collection, fate, None

    def insert_many(self, documents, **options):
        if self._late is not None:
            late, self._late = self._late, None
            self._collection.insert_many(late, ordered=True)
        fate, self._fate = self._fate, None
        if fate is None:
            return self._collection.insert_many(documents, **options)
        if fate == "stored":
            self._collection.insert_many(documents, ordered=True)
        if fate == "the first is stored":
            self._collection.insert_many(documents[:1], ordered=True)
        if fate == "stored later":
            self._late = documents
        raise AutoReconnect("connection lost")

    def __getattr__(self, name):
        return getattr(self._collection, name)


@pytest.mark.parametrize("fate", ["stored", "not stored", "stored later"])
def test_one_entry_whatever_became_of_the_first_attempt(ledger, fate):
    """Whether the insert took place, did not, or lands late: the command is answered with its one entry."""
    ledger._reads.entries = _Lossy(ledger._reads.entries, fate)
    entry = ledger.append_blocking(draft("a", key=hashed("k"), details={"reason": "x"}))
    following = ledger.append_blocking(draft("a", 2))

    assert (entry.first_position, following.first_position) == (2, 3)
    assert ledger.entries(2, limit=1) == [entry]
    assert ledger.verify().holds


def test_a_group_of_which_a_part_was_stored_is_completed(ledger):
    """Of a group that was cut off in the middle the stored part is found and the rest is chained behind it."""
    ledger._reads.entries = _Lossy(ledger._reads.entries, "the first is stored")
    writer = mongowriter.MongoWriter(ledger._reads, now)
    jobs = [_job(f"g{number}") for number in range(5)]
    stored = writer.store(jobs)

    assert [job.outcome for job in jobs] == list(stored)
    assert [entry.first_position for entry in stored] == [2, 3, 4, 5, 6]
    assert ledger.verify().holds


def test_what_cannot_be_found_out_is_called_unknown(ledger, monkeypatch):
    """When the database does not come back in time, nobody is told that nothing was changed."""
    monkeypatch.setattr(mongowriter, "BOUND_S", 0.3)
    real = ledger._reads.hashes
    ledger._reads.entries = _Lossy(ledger._reads.entries, "stored")

    def silent(_positions):
        raise AutoReconnect("no primary")

    monkeypatch.setattr(ledger._reads, "hashes", silent)
    with pytest.raises(OutcomeUnknown):
        ledger.append_blocking(draft("a", key=hashed("k")))
    monkeypatch.setattr(ledger._reads, "hashes", real)

    assert ledger.entry_by_key(hashed("k")) is not None


def test_a_database_that_was_emptied_is_not_begun_anew(ledger):
    """When entries that were stored have gone from the database, nothing is stored behind the hole."""
    ledger.append_blocking(draft("a"))
    ledger._connection.database["ledger"].delete_many({"_id": {"$gt": 1}})
    with pytest.raises(LedgerUnavailable, match="restored or emptied"):
        ledger.append_blocking(draft("b"))


class _Overtaken:
    """A collection where another process takes the position of the next insert."""

    def __init__(self, collection, other):
        self._collection, self._other = collection, other

    def insert_many(self, documents, **options):
        if self._other is not None:
            other, self._other = self._other, None
            other.append_blocking(draft("quicker"))
        return self._collection.insert_many(documents, **options)

    def __getattr__(self, name):
        return getattr(self._collection, name)


def test_a_repetition_in_one_group_is_answered_from_what_is_stored(ledger, mongo_url):
    """Two of one key in one group, and another process takes the position: both hear of the entry that is there."""
    other = open_ledger(mongo_url)
    ledger._reads.entries = _Overtaken(ledger._reads.entries, other)
    writer = mongowriter.MongoWriter(ledger._reads, now)
    jobs = [Job(made, draw(made)) for made in (draft("a", key=hashed("k")), draft("a", key=hashed("k")))]
    (stored,) = writer.store(jobs)
    other.close()

    assert jobs[0].outcome == stored
    assert isinstance(jobs[1].outcome, DuplicateIdempotencyKey)
    assert jobs[1].outcome.entry == stored == ledger.entry_by_key(hashed("k"))
    assert stored.first_position == 3

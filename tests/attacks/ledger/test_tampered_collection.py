"""What somebody who owns the MongoDB database can do, and where it is found.

Harm prevented: history is changed and nobody can tell.
"""

from __future__ import annotations

import pytest
from bson.int64 import Int64

from infra.audit.evidence import Evidence
from infra.ledger.drafts import genesis_draft
from tests.support.ledger_stores import migrated, open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, hashed


def _set(position, **values):
    def act(db):
        db["ledger"].update_one({"_id": position}, {"$set": {name.replace("__", "."): v for name, v in values.items()}})

    return act


def _moved(source, target):
    def act(db):
        found = db["ledger"].find_one_and_delete({"_id": source})
        db["ledger"].insert_one({**found, "_id": target})

    return act


def _copied(source, target):
    def act(db):
        found = db["ledger"].find_one({"_id": source})
        found.pop("key", None)
        db["ledger"].insert_one({"_id": target, "n": 1, "events": []} | {k: found[k] for k in ("prev", "hash")})

    return act


def _details(position, value):
    def act(db):
        salt = db["ledger"].find_one({"_id": position})["salt"]
        db["ledger_details"].update_one({"_id": salt}, {"$set": {"details": value}}, upsert=True)

    return act


# Position 1: the first event. 2-3: two events, key and details. 4: details. 5-6: two events. 7: one event.
ACTS = [
    (_set(4, at=Int64(5)), 4, "entry-hash"),
    (_set(4, prev=bytes(32)), 4, "prev-hash"),
    (_set(4, hash=bytes(32)), 4, "entry-hash"),
    (_set(4, salt=bytes(16)), 4, "entry-hash"),
    (_set(7, meta=b"{}"), 7, "entry-hash"),
    (_set(2, key=hashed("z")), 2, "idempotency"),
    (_set(4, key=hashed("z")), 4, "idempotency"),
    (lambda db: db["ledger"].update_one({"_id": 2}, {"$unset": {"key": 1}}), 2, "idempotency"),
    (_set(4, events__0__state=b"{}"), 4, "entry-hash"),
    (_set(4, events__0__stream="z"), 4, "entry-hash"),
    (_set(4, events__0__version=Int64(2)), 4, "stream-version"),
    (_set(4, events__0__nonce=bytes(16)), 4, "entry-hash"),
    (_set(4, n=2), 4, "document"),
    (_set(4, meta="text"), 4, "document"),
    (_set(4, at=1.5), 4, "document"),
    (_set(4, events=[]), 4, "document"),
    (lambda db: db["ledger"].update_one({"_id": 4}, {"$unset": {"prev": 1}}), 4, "document"),
    (lambda db: db["ledger"].update_one({"_id": 4}, {"$unset": {"events": 1}}), 4, "document"),
    (_details(4, b"other"), 4, "details"),
    (_details(7, b"slipped in"), 7, "details"),
    (lambda db: db["ledger"].delete_one({"_id": 1}), 1, "position"),
    (lambda db: db["ledger"].delete_one({"_id": 4}), 4, "position"),
    (_moved(4, Int64(100)), 4, "position"),
    (_moved(4, 4.5), 4, "document"),
    (_moved(7, "seven"), 7, "stray-rows"),
    (_copied(7, -3), 8, "stray-rows"),
    (_copied(7, None), 8, "stray-rows"),
]


@pytest.fixture
def ledger(mongo_url):
    """Give a ledger of five entries and seven events."""
    migrated(mongo_url)
    made = open_ledger(mongo_url)
    made.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
    made.append_blocking(draft("a", events=2, key=hashed("a"), details={"reason": "one"}, one=1))
    made.append_blocking(draft("b", details={"reason": "two"}))
    made.append_blocking(draft("c", events=2))
    made.append_blocking(draft("d"))
    yield made
    made.close()


@pytest.mark.parametrize("number", range(len(ACTS)))
def test_an_edit_is_found_and_named(ledger, number):
    """Each edit is found at its position and named by the check that found it."""
    act, position, check = ACTS[number]
    assert ledger.verify().holds
    act(ledger._connection.database)
    told = Evidence(ledger).verify()

    assert (told.holds, told.first_bad_position, told.check) == (False, position, check)

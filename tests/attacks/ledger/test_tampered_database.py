"""What somebody who owns the database can do, and where it is found.

Harm prevented: history is changed and nobody can tell. Every trigger is dropped first, as an owner would.
"""

from __future__ import annotations

import pytest

from commands.ports.ledger import Head
from infra.audit.evidence import Evidence
from infra.ledger.chain import chain, draw
from infra.ledger.drafts import genesis_draft
from infra.ledger.sqlite import SqliteLedger
from infra.ledger.writer import insert
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, exported, hashed, now, verify, without_triggers

# Position 1: the first event. 2-3: two events, key and details. 4: details. 5-6: two events. 7: one event.
_COPY = (
    "INSERT INTO entry SELECT {}, 1, recorded_at_us, prev_hash, entry_hash, metadata_salt, metadata, NULL FROM entry"
)
_SWAP = (
    "UPDATE {0} SET {1} = CASE {2} WHEN {3} THEN (SELECT {1} FROM {0} WHERE {2} = {4})"
    " ELSE (SELECT {1} FROM {0} WHERE {2} = {3}) END WHERE {2} IN ({3}, {4})"
)

EDITS = [
    ("UPDATE entry SET first_position = 100 WHERE first_position = 4", 4, "position"),
    ("UPDATE entry SET n = 1 WHERE first_position = 2", 2, "entry-hash"),
    ("UPDATE entry SET n = 2 WHERE first_position = 4", 4, "entry-hash"),
    ("UPDATE entry SET n = 0 WHERE first_position = 4", 4, "size"),
    ("UPDATE entry SET n = 9000000000000000000 WHERE first_position = 4", 4, "entry-hash"),
    ("UPDATE entry SET n = 2 WHERE first_position = 7", 8, "position"),
    ("UPDATE entry SET recorded_at_us = recorded_at_us + 1 WHERE first_position = 4", 4, "entry-hash"),
    ("UPDATE entry SET recorded_at_us = -1 WHERE first_position = 4", 4, "recorded-at"),
    ("UPDATE entry SET prev_hash = zeroblob(32) WHERE first_position = 4", 4, "prev-hash"),
    ("UPDATE entry SET prev_hash = zeroblob(31) WHERE first_position = 4", 4, "length"),
    ("UPDATE entry SET entry_hash = zeroblob(32) WHERE first_position = 4", 4, "entry-hash"),
    ("UPDATE entry SET metadata_salt = zeroblob(16) WHERE first_position = 4", 4, "entry-hash"),
    ("UPDATE entry SET metadata_salt = zeroblob(17) WHERE first_position = 4", 4, "length"),
    ("UPDATE entry SET metadata = CAST(metadata || ' ' AS BLOB) WHERE first_position = 7", 7, "entry-hash"),
    ("UPDATE entry SET metadata = x'00' WHERE first_position = 7", 7, "json"),
    ("UPDATE entry SET idempotency = NULL WHERE first_position = 2", 2, "idempotency"),
    (f"UPDATE entry SET idempotency = '{hashed('z')}' WHERE first_position = 2", 2, "idempotency"),
    (f"UPDATE entry SET idempotency = '{hashed('z')}' WHERE first_position = 4", 4, "idempotency"),
    ("UPDATE event SET position = 50 WHERE position = 6", 5, "entry-hash"),
    ("UPDATE event SET stream_id = 'z' WHERE position = 4", 4, "entry-hash"),
    ("UPDATE event SET stream_version = 2 WHERE position = 4", 4, "stream-version"),
    ("UPDATE event SET topic = 'sslclm.thing.other.v1' WHERE position = 4", 4, "entry-hash"),
    ("UPDATE event SET nonce = zeroblob(16) WHERE position = 4", 4, "entry-hash"),
    ("UPDATE event SET nonce = zeroblob(15) WHERE position = 4", 4, "length"),
    ("UPDATE event SET state = x'7b7d' WHERE position = 4", 4, "entry-hash"),
    ("UPDATE event SET state = CAST(state || ' ' AS BLOB) WHERE position = 7", 7, "entry-hash"),
    ("UPDATE details SET details = substr(details, 1, length(details) - 1) WHERE first_position = 4", 4, "details"),
    ("UPDATE details SET details = x'' WHERE first_position = 4", 4, "details"),
    ("UPDATE details SET first_position = 5 WHERE first_position = 4", 5, "details"),
    ("INSERT INTO details VALUES (7, x'00')", 7, "details"),
    ("INSERT INTO details VALUES (6, x'00')", 8, "stray-rows"),
    ("DELETE FROM entry WHERE first_position = 1", 1, "position"),
    ("DELETE FROM entry WHERE first_position = 4", 4, "position"),
    ("DELETE FROM event WHERE position = 4", 4, "size"),
    ("DELETE FROM event WHERE position = 6", 5, "entry-hash"),
    ("DELETE FROM entry WHERE first_position = 7", 7, "stray-rows"),
    ("INSERT INTO event VALUES (8, 'z', 1, 't', zeroblob(16), x'7b7d')", 8, "stray-rows"),
    (_COPY.format(8) + " WHERE first_position = 7; INSERT INTO event VALUES (8, 'z', 1, 't', zeroblob(16), x'7b7d')",
     8, "prev-hash"),
    (_SWAP.format("event", "state", "position", 4, 7), 4, "entry-hash"),
    (_SWAP.format("event", "state", "position", 2, 3), 2, "entry-hash"),
    (_SWAP.format("entry", "metadata", "first_position", 4, 7), 4, "details"),
    (_SWAP.format("entry", "entry_hash", "first_position", 5, 7), 5, "entry-hash"),
    (_SWAP.format("details", "details", "first_position", 2, 4), 2, "details"),
    ("UPDATE entry SET n = 1 WHERE first_position = 5; " + _COPY.format(6) + " WHERE first_position = 5",
     5, "entry-hash"),
    ("DELETE FROM entry WHERE first_position = 7; UPDATE entry SET n = 3 WHERE first_position = 5", 5, "entry-hash"),
]  # fmt: skip


@pytest.fixture
def path(tmp_path):
    """Name the ledger's file."""
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    """Give a ledger of five entries and seven events."""
    with SqliteLedger(path, clock=now) as made:
        made.append_blocking(genesis_draft(LEDGER_ID, ORIGIN))
        made.append_blocking(draft("a", events=2, key=hashed("a"), details={"reason": "one"}, one=1))
        made.append_blocking(draft("b", details={"reason": "two"}))
        made.append_blocking(draft("c", events=2))
        made.append_blocking(draft("d"))
        yield made


def test_an_untouched_ledger_holds(ledger):
    """Before anybody touches it, the ledger verifies, in the file and as an export."""
    assert ledger.verify().holds
    assert verify(exported(ledger)).holds


@pytest.mark.parametrize(("statement", "position", "check"), EDITS)
def test_an_edit_is_found_and_named(path, ledger, statement, position, check):
    """Each edit is found at its position and named by the check that found it."""
    without_triggers(path).executescript(statement)
    finding = ledger.verify().finding
    told = Evidence(ledger).verify()

    assert (finding.position, finding.check) == (position, check)
    assert (told.holds, told.first_bad_position, told.check) == (False, position, check)


# The key's own column and stray rows are no part of an export; without its first event a ledger is not exported at all.
_NOT_IN_EXPORTS = {"stray-rows", "idempotency"}


@pytest.mark.parametrize("statement", [edit[0] for edit in EDITS if edit[2] not in _NOT_IN_EXPORTS and edit[1] > 1])
def test_the_export_of_an_edited_ledger_does_not_verify(path, ledger, statement):
    """What was edited in the database is found in the export that is made from it."""
    without_triggers(path).executescript(statement)

    assert verify(exported(ledger)).finding


def test_swapped_states_of_one_entry_are_found(path, ledger):
    """Swapping two events of one entry is found: the leaf holds the event's place."""
    without_triggers(path).executescript(
        "UPDATE event SET stream_version = -position WHERE position IN (5, 6);"
        "UPDATE event SET stream_version = CASE position WHEN 5 THEN 2 ELSE 1 END WHERE position IN (5, 6)"
    )

    assert ledger.verify().finding.check == "stream-version"


def test_the_chain_alone_does_not_find_a_cut_tail(path, ledger):
    """A limit told honestly: entries removed cleanly from the end leave a chain that holds, with another head."""
    before = ledger.verify()
    without_triggers(path).executescript(
        "DELETE FROM entry WHERE first_position = 7; DELETE FROM event WHERE position = 7"
    )
    after = ledger.verify()

    assert after.holds
    assert (after.head, after.tree_root) != (before.head, before.tree_root)


def test_the_chain_alone_does_not_find_a_recomputed_tail(path, ledger):
    """A limit told honestly: who rewrites the tail and recomputes every hash is found by an anchored head only."""
    before = ledger.verify()
    connection = without_triggers(path)
    connection.executescript("DELETE FROM entry WHERE first_position = 7; DELETE FROM event WHERE position = 7")
    last = ledger.entries(5, limit=1)[0]
    forged = draft("d", state="forged")
    head = Head(last.last_position, last.entry_hash)
    insert(connection, [chain(forged, draw(forged), head, last.recorded_at_us)])
    after = ledger.verify()

    assert after.holds
    assert (after.head, after.tree_root) != (before.head, before.tree_root)

"""What the verifier refuses although every hash is right: a writer that chained what no ledger may hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commands.ports.ledger import Head
from infra.ledger.chain import chain, draw
from infra.ledger.drafts import genesis_draft
from infra.ledger.proof.hashing import ZERO_HASH
from infra.ledger.proof.verify import ChainVerifier, Start, verify_entries
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, hashed

GENESIS = genesis_draft(LEDGER_ID, ORIGIN)


def _chained(*drafts, times=None):
    head, entries = Head(0, ZERO_HASH), []
    for number, one in enumerate(drafts):
        entry = chain(one, draw(one), head, times[number] if times else 1_790_000_000_000_000 + number)
        head = Head(entry.last_position, entry.entry_hash)
        entries.append(entry)
    return entries


def _frontier(entries):
    verifier = ChainVerifier()
    for entry in entries:
        verifier.feed(entry)
    return verifier.frontier.roots


def test_a_good_chain_holds():
    """The same helper makes chains that hold."""
    assert verify_entries(_chained(GENESIS, draft("a", key=hashed("k")), draft("a", 2, events=3))).holds


@pytest.mark.parametrize(
    ("position", "check", "drafts"),
    [
        (1, "genesis", [draft("a")]),
        (1, "genesis", [replace(GENESIS, events=(replace(GENESIS.events[0], state=b'{"ledger_id":"x"}'),))]),
        (2, "genesis", [GENESIS, replace(GENESIS, events=(replace(GENESIS.events[0], stream_version=2),))]),
        (2, "stream-version", [GENESIS, draft("a", 2)]),
        (3, "stream-version", [GENESIS, draft("a"), draft("a", 3)]),
        (3, "stream-version", [GENESIS, draft("a"), draft("a")]),
        (3, "idempotency", [GENESIS, draft("a", key=hashed("k")), draft("b", key=hashed("k"))]),
        (2, "idempotency", [GENESIS, replace(draft("a"), idempotency=hashed("k"))]),
        (2, "details", [GENESIS, replace(draft("a"), details=bytes(16) + b"{}")]),
        (2, "json", [GENESIS, draft("a", number=0.5)]),
        (2, "json", [GENESIS, replace(draft("a"), metadata=b"[]")]),
        (2, "name", [GENESIS, draft("a\x00b")]),
        (2, "size", [GENESIS, draft("a", events=1001)]),
        (2, "size", [GENESIS, draft("a", text="x" * 60_000)]),
    ],
)  # fmt: skip
def test_a_rule_that_was_broken_before_chaining_is_found(position, check, drafts):
    """Rules hold whoever wrote the entry, however right its hashes are."""
    finding = verify_entries(_chained(*drafts)).finding

    assert (finding.position, finding.check) == (position, check)


def test_a_clock_that_went_back_is_told_and_no_tampering():
    """A clock that goes back is a note, since clocks do."""
    verdict = verify_entries(_chained(GENESIS, draft("a"), draft("b"), times=[5, 7, 6]))

    assert verdict.holds
    assert verdict.notes == ("entries whose time lies before the one before them: 1",)


def test_a_later_start_takes_the_first_versions_as_given_and_checks_the_next():
    """Behind a later start, a stream's first version is taken as given, the following ones are checked."""
    entries = _chained(GENESIS, draft("a"), draft("a", 2), draft("a", 3), draft("a", 5))
    start = Start(3, _frontier(entries[:2]))

    assert verify_entries(entries[2:4], start).holds
    assert verify_entries(entries[2:], start).finding.check == "stream-version"

"""The invariants of the append protocol on real entries and answers, by the names of ``tests/model/append.pml``."""

from __future__ import annotations

import json

from commands.ports.ledger import DuplicateIdempotencyKey, Entry, LedgerError, OutcomeUnknown
from domain.errors import ClmError
from infra.ledger.proof.verify import verify_entries


def _numbers(entry):
    return {number for event in entry.events if (number := json.loads(event.state).get("number")) is not None}


def gapless(stored, _):
    """Each entry begins where the one before it ended."""
    return [e.position for one in stored for e in one.events] == list(range(1, 1 + sum(len(o.events) for o in stored)))


def single_winner(stored, _):
    """No position belongs to two entries."""
    positions = [event.position for one in stored for event in one.events]
    return len(positions) == len(set(positions))


def chain_links(stored, _):
    """The chain verifies from its first entry."""
    return verify_entries(stored).finding is None


def acknowledged_is_durable(stored, answers):
    """Every entry that a caller was shown is stored, as it was shown."""
    shown = [told for _, told in answers if isinstance(told, Entry)]
    shown += [told.entry for _, told in answers if isinstance(told, DuplicateIdempotencyKey)]
    there = {one.first_position: one.entry_hash for one in stored}
    return all(there.get(one.first_position) == one.entry_hash for one in shown)


def no_duplicate(stored, _):
    """One entry per command and per idempotency key."""
    numbers = [number for one in stored for number in _numbers(one)]
    keys = [one.idempotency for one in stored if one.idempotency]
    return len(numbers) == len(set(numbers)) and len(keys) == len(set(keys))


def stream_versions_unique(stored, _):
    """The versions of each stream count from 1 without gaps."""
    tails: dict[str, int] = {}
    for event in (event for one in stored for event in one.events):
        if event.stream_version != tails.get(event.stream_id, 0) + 1:
            return False
        tails[event.stream_id] = event.stream_version
    return True


def unchanged_holds(stored, answers):
    """When an entry was stored, the streams that it rests on stood where its draft said."""
    rests = {json.loads(draft.events[0].state)["number"]: draft.unchanged for draft, _ in answers}
    tails: dict[str, int] = {}
    for one in stored:
        for number in _numbers(one):
            if any(tails.get(stream, 0) != version for stream, version in rests.get(number, {}).items()):
                return False
        tails.update({event.stream_id: event.stream_version for event in one.events})
    return True


def refused_means_absent(stored, answers):
    """What was answered as not stored is not there."""
    there = {number for one in stored for number in _numbers(one)}
    refused = [d for d, told in answers if not isinstance(told, Entry | OutcomeUnknown)]
    return not there & {json.loads(draft.events[0].state)["number"] for draft in refused}


def definite_answer(_, answers):
    """Every call ended, in an entry or in words that callers know; "unknown" is said where nobody could look."""
    return all(isinstance(told, Entry | LedgerError | ClmError) for _, told in answers)


CLAIMS = {
    "Gapless": gapless,
    "SingleWinner": single_winner,
    "ChainLinks": chain_links,
    "AcknowledgedIsDurable": acknowledged_is_durable,
    "NoDuplicate": no_duplicate,
    "StreamVersionsUnique": stream_versions_unique,
    "UnchangedHolds": unchanged_holds,
    "RefusedMeansAbsent": refused_means_absent,
    "DefiniteAnswer": definite_answer,
}


def broken(stored, answers):
    """Return the names of the invariants that do not hold for these entries and (draft, answer) pairs."""
    return [name for name, holds in CLAIMS.items() if not holds(stored, answers)]

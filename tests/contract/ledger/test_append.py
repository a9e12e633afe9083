"""What every adapter of the ledger's port promises to those who append."""

from __future__ import annotations

import asyncio

import pytest

from commands.ports.ledger import (
    DuplicateIdempotencyKey,
    Head,
    LedgerUnavailable,
    StreamConflict,
    StreamMoved,
)
from domain.errors import InvalidInput, WrongState
from infra.ledger.drafts import genesis_draft
from infra.ledger.proof.hashing import ZERO_HASH
from infra.ledger.proof.verify import verify_entries
from tests.support.ledger_stores import open_ledger
from tests.support.ledgers import LEDGER_ID, ORIGIN, draft, hashed


async def _all(ledger, *drafts):
    return await asyncio.gather(*(ledger.append(one) for one in drafts), return_exceptions=True)


def test_an_empty_ledger_ends_at_zero(store):
    """Before its first entry a ledger ends at position 0 with 32 zero bytes."""
    ledger = open_ledger(store.spec)
    empty = ledger.head()
    ledger.close()

    assert empty == Head(0, ZERO_HASH)


async def test_positions_have_no_gaps_under_64_callers(ledger):
    """Sixty-four concurrent callers fill the positions from 1 without a gap, in one verifying chain."""

    async def caller(number):
        return [await ledger.append(draft(f"c{number}-{turn}", events=1 + turn % 3)) for turn in range(8)]

    answered = [entry for own in await asyncio.gather(*map(caller, range(64))) for entry in own]
    stored = ledger.entries(1, limit=10_000)

    assert sorted(answered, key=lambda entry: entry.first_position) == list(stored[1:])
    assert [event.position for entry in stored for event in entry.events] == list(range(1, 1 + ledger.head().position))
    assert verify_entries(stored).finding is None


async def test_an_entry_is_what_was_drafted(ledger):
    """The stored entry holds the draft's exact bytes and follows the head."""
    before = ledger.head()
    wanted = draft("a", events=2, key=hashed("k"), details={"ticket": "INC-1"})
    entry = await ledger.append(wanted)

    assert (entry.first_position, entry.prev_hash) == (before.position + 1, before.entry_hash)
    assert (entry.metadata, entry.details, entry.idempotency) == (wanted.metadata, wanted.details, hashed("k"))
    assert [(e.stream_id, e.stream_version, e.topic, e.state) for e in entry.events] == [
        (e.stream_id, e.stream_version, e.topic, e.state) for e in wanted.events
    ]
    assert ledger.entries(entry.last_position, limit=1) == [entry]
    assert ledger.head() == Head(entry.last_position, entry.entry_hash)


async def test_a_conflict_fails_one_command_only(ledger):
    """Of a group in which two commands want one stream version, exactly one fails and all others are stored."""
    answers = await _all(ledger, draft("a"), draft("b"), draft("a"), draft("c"))

    assert [type(answer).__name__ for answer in answers] == ["Entry", "Entry", "StreamConflict", "Entry"]
    assert answers[2].stream_id == "a"
    assert verify_entries(ledger.entries(1)).finding is None


async def test_an_entry_is_all_or_nothing(ledger):
    """An entry whose second event conflicts stores none of its events."""
    await ledger.append(draft("a"))
    both = draft("b")
    mixed = type(both)((*both.events, *draft("a").events), both.metadata)

    with pytest.raises(StreamConflict):
        await ledger.append(mixed)

    assert ledger.stream("b") == []


async def test_an_idempotency_key_has_one_entry(ledger):
    """Sixteen calls with one key store one entry; the others are handed that entry."""
    answers = await _all(ledger, *(draft(f"s{n}", key=hashed("once")) for n in range(16)))
    (stored,) = [answer for answer in answers if not isinstance(answer, Exception)]
    others = [answer for answer in answers if isinstance(answer, DuplicateIdempotencyKey)]

    assert [other.entry for other in others] == [stored] * 15
    assert ledger.entry_by_key(hashed("once")) == stored
    assert ledger.entry_by_key(hashed("never")) is None


async def test_a_used_key_answers_before_the_conflict(ledger):
    """Repeating a call with its key is told its entry, though its stream version is taken by now."""
    stored = await ledger.append(draft("a", key=hashed("k")))

    with pytest.raises(DuplicateIdempotencyKey) as told:
        await ledger.append(draft("a", key=hashed("k")))

    assert told.value.entry == stored


async def test_a_refused_command_does_not_use_up_its_key(ledger):
    """A conflict leaves the idempotency key free for the next attempt."""
    await ledger.append(draft("a"))
    with pytest.raises(StreamConflict):
        await ledger.append(draft("a", key=hashed("k")))
    entry = await ledger.append(draft("a", 2, key=hashed("k")))

    assert entry.idempotency == hashed("k")


async def test_unchanged_streams_are_checked_with_the_append(ledger):
    """An append that rests on another stream is refused once that stream moved, even within one group."""
    await ledger.append(draft("grant"))
    answers = await _all(
        ledger,
        draft("x", unchanged={"grant": 1, "none-yet": 0}),
        draft("grant", 2),
        draft("y", unchanged={"grant": 1}),
    )

    assert [type(answer).__name__ for answer in answers] == ["Entry", "Entry", "StreamMoved"]
    with pytest.raises(StreamMoved):
        await ledger.append(draft("z", unchanged={"grant": 3}))


@pytest.mark.parametrize(
    ("rule", "bad"),
    [
        ("stream-version-gap", draft("a", 2)),
        ("ledger-stream-version", draft("a", 0)),
        ("ledger-name", draft("with space")),
        ("ledger-size", draft("a", events=0)),
        ("ledger-size", draft("a", events=1001)),
        ("ledger-size", draft("a", text="x" * 60_000)),
        ("ledger-json", draft("a", number=1.5)),
        ("ledger-json", draft("a", number=2**53)),
        ("ledger-metadata", draft("a", key="not a hash")),
    ],
)
async def test_what_no_verifier_accepts_is_not_stored(ledger, rule, bad):
    """A draft that verifiers would refuse is refused before it is stored, with its rule and what mends it."""
    before = ledger.head()
    with pytest.raises(InvalidInput) as refused:
        await ledger.append(bad)

    assert refused.value.rule == rule
    assert refused.value.fix
    assert ledger.head() == before


async def test_a_ledger_begins_once_and_with_its_first_event(store):
    """Nothing is stored before the event that names the ledger, and that event is stored once."""
    ledger = open_ledger(store.spec)
    genesis = genesis_draft(LEDGER_ID, ORIGIN)
    with pytest.raises(WrongState):
        await ledger.append(draft("a"))
    first = await ledger.append(genesis)
    with pytest.raises(WrongState):
        await ledger.append(genesis_draft("f" * 32, ORIGIN))
    last = ledger.head()
    ledger.close()

    assert last == Head(1, first.entry_hash)


async def test_a_cancelled_caller_harms_nobody(ledger):
    """A caller that gives up while its entry is under way leaves the ledger and other callers untouched."""
    gone = asyncio.create_task(ledger.append(draft("gone")))
    await asyncio.sleep(0)
    gone.cancel()
    kept = await ledger.append(draft("kept"))

    assert kept in ledger.entries(1)
    assert verify_entries(ledger.entries(1)).finding is None


async def test_listeners_hear_each_entry_once_and_in_order(ledger):
    """A listener gets every entry of this process, in order, with the event objects of the drafts."""
    heard, model, complete = [], object(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def listener(entries):
        heard.extend(entries)
        if len(heard) == 50:
            loop.call_soon_threadsafe(complete.set)

    end = ledger.subscribe(listener)
    one = draft("m")
    with_model = type(one)((type(one.events[0])("m", 1, "t", b"{}", model),), one.metadata)
    answers = await _all(ledger, with_model, *(draft(f"s{n}") for n in range(49)))
    await asyncio.wait_for(complete.wait(), 10)
    end()

    assert heard == sorted(answers, key=lambda entry: entry.first_position)
    assert heard[0].events[0].model is model


async def test_a_failing_listener_stops_nothing(ledger):
    """A listener that raises neither fails an append nor keeps other listeners from hearing of it."""
    heard, told = [], asyncio.Event()
    loop = asyncio.get_running_loop()

    def listener(entries):
        heard.extend(entries)
        loop.call_soon_threadsafe(told.set)

    ledger.subscribe(lambda _: 1 / 0)
    ledger.subscribe(listener)
    entry = await ledger.append(draft("a"))
    await asyncio.wait_for(told.wait(), 10)

    assert heard == [entry]


async def test_a_closed_ledger_says_so(store):
    """After closing, appends and reads are refused as unavailable; what was queued before is stored."""
    ledger = open_ledger(store.spec)
    queued = asyncio.create_task(ledger.append(genesis_draft(LEDGER_ID, ORIGIN)))
    await asyncio.sleep(0)
    ledger.close()

    assert (await queued).first_position == 1
    with pytest.raises(LedgerUnavailable):
        await ledger.append(draft("b"))
    with pytest.raises(LedgerUnavailable):
        ledger.head()

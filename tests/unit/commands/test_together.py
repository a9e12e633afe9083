"""Items that go in step: their entries arrive as one, the loop turns between their steps, nobody waits for the gone."""

from __future__ import annotations

import asyncio

import pytest

from commands.ports.ledger import EntryDraft, StreamConflict
from commands.together import Together, Turns

DRAFT = EntryDraft((), b"{}")


async def test_one_step_a_turn_first_come_first_served():
    """Between two steps the loop serves others: a bystander gets a turn for each step."""
    turns, seen = Turns(), []

    async def worker(name):
        await turns.turn()
        seen.append(name)

    async def bystander():
        for _ in range(8):
            await asyncio.sleep(0)
            seen.append("-")

    await asyncio.gather(*map(worker, "abcd"), bystander())

    steps = "".join(seen)
    assert "abcd" == steps.replace("-", "")
    assert not any(pair in steps for pair in ("ab", "bc", "cd"))


async def test_a_cancelled_waiter_takes_no_turn():
    """Whoever gave up is passed over, and the others go on."""
    turns, seen = Turns(), []

    async def worker(name):
        await turns.turn()
        seen.append(name)

    tasks = [asyncio.create_task(worker(name)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.wait(tasks)

    assert ["a", "c"] == seen


async def test_entries_arrive_together_once_all_have_come_or_gone():
    """Two append, one leaves: nothing is appended before that, then both in one turn of the loop."""
    arrived = []

    async def append(_draft):
        arrived.append(len(arrived))

    together = Together(append, Turns(), 3)
    tasks = [asyncio.create_task(together.append(DRAFT)) for _ in range(2)]
    for _ in range(5):
        await asyncio.sleep(0)
    before = list(arrived)
    together.leave()
    await asyncio.sleep(0)

    assert ([], [0, 1]) == (before, arrived)
    await asyncio.gather(*tasks)


async def test_a_conflict_is_tried_again_in_the_next_step():
    """A member whose entry was refused comes again with the others' next entries, or leaves: nobody hangs."""
    tries = 0

    async def append(_draft):
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StreamConflict("host-1")

    together = Together(append, Turns(), 2)

    async def member():
        try:
            for _ in range(2):
                await together.append(DRAFT)
        finally:
            together.leave()

    with pytest.raises(StreamConflict):
        await asyncio.wait_for(asyncio.gather(member(), member()), 5)
    for _ in range(20):
        await asyncio.sleep(0)

    assert 3 == tries

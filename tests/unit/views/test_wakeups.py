"""Wake-ups: a long-poll hears of what the runner's thread changed."""

from __future__ import annotations

import asyncio
import threading

from infra.views.wakeups import ANYTHING, Wakeups
from tests.support.memoryledger import at
from tests.support.story import HOST, order


async def test_a_waiting_poll_hears_of_its_host(ledger, started):
    """An approved order wakes the poll of its host, and no other host's."""
    views, runner = started()
    for number in (8, 9):  # the second is folded after the runner told everybody that it has started
        views.wait_for_blocking(ledger.save(order(number)).last_position)
    wakeups = Wakeups()
    runner.listen(wakeups.changed)
    mine = asyncio.create_task(wakeups.wait(HOST, 10))
    other = asyncio.create_task(wakeups.wait("host-9", 10))
    await asyncio.sleep(0)

    wanted = order()
    wanted.approve_by_policy(at=at())
    position = ledger.save(wanted).last_position

    assert await mine
    assert views.position >= position
    assert not other.done()
    other.cancel()


async def test_nothing_within_the_time_is_false():
    """A wait that nothing ends says so after its time, and leaves nothing behind."""
    wakeups = Wakeups()

    assert not await wakeups.wait(HOST, 0.01)
    assert not wakeups._bells


async def test_a_change_between_reading_and_waiting_is_not_missed():
    """What changed after the bell was hung up rings it, even before anybody waits."""
    wakeups = Wakeups()
    with wakeups.listen(HOST) as bell:
        thread = threading.Thread(target=wakeups.changed, args=({"queue": frozenset((HOST,))},))
        thread.start()
        thread.join()

        assert await bell.wait(5)


async def test_anything_wakes_everybody():
    """When another process folded, every poll looks again."""
    wakeups = Wakeups()
    waiting = [asyncio.create_task(wakeups.wait(f"host-{n}", 5)) for n in range(3)]
    await asyncio.sleep(0)

    wakeups.changed({"queue": frozenset((ANYTHING,))})

    assert await asyncio.gather(*waiting) == [True, True, True]


def test_changes_without_a_loop_are_nothing():
    """Before anybody listened, and after the loop is closed, a change is quietly nothing."""
    wakeups = Wakeups()
    wakeups.changed({"queue": frozenset((HOST,))})
    asyncio.run(wakeups.wait(HOST, 0.001))

    wakeups.changed({"queue": frozenset((HOST,))})

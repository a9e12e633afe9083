"""A parent keeps its workers: it follows the dead, renews the living, and says why where none can serve."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.server import crew as crews
from infra.server.crew import Crew
from infra.server.worker_process import Launch
from tests.support import small_worker

DEADLINE = 30.0


def crew_of(how: str, size: int = 2) -> Crew:
    """Return a parent of small workers."""
    return Crew(Launch((sys.executable, str(Path(small_worker.__file__)), how), {}), size)


@contextlib.asynccontextmanager
async def serving(crew: Crew) -> AsyncIterator[asyncio.Task[None]]:
    """Run a parent until the block ends."""
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(crew.run(stop, ready.set))
    async with asyncio.timeout(DEADLINE):
        await ready.wait()
        yield running
        stop.set()
        await running


def pids(crew: Crew) -> dict[int, int]:
    """Return the workers that serve, by number."""
    return {number: worker.pid for number, worker in crew.workers.items() if worker.serves}


async def until(crew: Crew, size: int, other_than: set[int]) -> dict[int, int]:
    """Wait until so many serve, none of them one of these."""
    while len(found := pids(crew)) < size or other_than & set(found.values()):
        assert crew.workers
        await asyncio.sleep(0.02)  # they tell the crew, not us
    return found


async def test_a_dead_worker_is_followed_and_the_other_left_alone():
    """Its number gets a fresh process."""
    crew = crew_of("ready")
    async with serving(crew):
        before = pids(crew)
        os.kill(before[1], signal.SIGKILL)
        after = await until(crew, 2, {before[1]})
    assert before[2] == after[2]
    assert pids(crew) == {}


async def test_a_rolling_restart_changes_every_process():
    """Every number has another process afterwards, and the old ones ended as they were told."""
    crew = crew_of("ready")
    async with serving(crew):
        before, old = pids(crew), list(crew.workers.values())
        await crew.roll()
        after = pids(crew)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert [worker.ended.result() for worker in old] == [0, 0]


async def test_a_fresh_worker_that_fails_calls_the_restart_off():
    """What serves goes on serving."""
    crew = crew_of("ready")
    async with serving(crew):
        before = pids(crew)
        crew.launch = crew_of("dies").launch
        await crew.roll()
        assert pids(crew) == before


async def test_what_a_worker_cannot_do_is_the_parents_answer():
    """The sentence an operator needs comes from the worker."""
    with pytest.raises(Unavailable) as refused:
        await crew_of("refuses").run(asyncio.Event(), lambda: None)
    assert (refused.value.rule, refused.value.fix) == ("not-initialised", "run: sslclm init")


async def test_workers_that_die_again_and_again_end_the_parent(monkeypatch):
    """With nobody left who serves, it gives up in a sentence."""
    monkeypatch.setattr(crews, "PAUSES", (0.0,))
    crew = crew_of("ready", size=1)
    stop = asyncio.Event()

    def now_they_die() -> None:
        crew.launch = crew_of("dies").launch
        os.kill(crew.workers[1].pid, signal.SIGKILL)

    async with asyncio.timeout(DEADLINE):
        with pytest.raises(Unavailable) as refused:
            await crew.run(stop, now_they_die)
    assert "exit status 3" in refused.value.message


async def test_a_worker_ends_with_its_parent():
    """The end of the channel is enough: no signal reaches it."""
    crew = crew_of("ready", size=1)
    async with serving(crew):
        worker = crew.workers[1]
        worker._channel.close()  # as the system does when the parent is killed
        assert await asyncio.wait_for(asyncio.shield(worker.ended), DEADLINE) == 1

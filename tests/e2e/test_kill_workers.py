"""Several workers on one data folder: one that dies costs only its unfinished answers, one that leaves costs none."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.support.crash_backend import eventually
from tests.support.crash_checks import as_rebuilt, issued_once, on_record, on_served_crls, sound_files
from tests.support.crash_stream import Stream
from tests.support.crew_backend import CrewBackend
from tests.support.crew_load import Load

SEED = 20_261


@pytest.mark.timeout(180)
def test_kills_of_random_workers_under_load(tmp_path):
    """Every acknowledged certificate is in the ledger once, and what nobody answered ends in one certificate, too."""
    chance = random.Random(SEED)
    with CrewBackend(tmp_path) as backend:
        stream = Stream(backend, chance)
        stream.furnish()
        asyncio.run(_killed(backend, Load(stream), chance, kills=3, clients=50))
        eventually(lambda: len(backend.workers()) == backend.size, "the dead to be followed")
        backend.stop()
        backend.start()
        stream.sign_in()
        _check(stream, tmp_path)


@pytest.mark.timeout(180)
def test_a_rolling_restart_fails_no_request(tmp_path):
    """Clients that keep their connections and clients with new ones see nothing of two rolling restarts."""
    with CrewBackend(tmp_path, size=2) as backend:
        stream = Stream(backend, random.Random(SEED))
        stream.furnish()
        load = Load(stream)
        asyncio.run(_renewed(backend, load, times=2))
        assert load.failures == []
        assert all(act.status == 201 for act in stream.acts if act.kind == "order")
        print(f"{stream.answered()} commands answered over two rolling restarts, none failed")


async def _killed(backend: CrewBackend, load: Load, chance: random.Random, *, kills: int, clients: int) -> None:
    working = asyncio.create_task(load.run(clients, keep_alive=True, retry=True))
    for _ in range(kills):
        await _answers(load, chance.randint(30, 80))
        backend.kill_one(chance)
    await _answers(load, 50)
    load.enough.set()
    await working


async def _renewed(backend: CrewBackend, load: Load, *, times: int) -> None:
    working = [asyncio.create_task(load.run(4, keep_alive=kept, retry=False)) for kept in (True, False)]
    for _ in range(times):
        await _answers(load, 20)
        await asyncio.to_thread(backend.renew)
    await _answers(load, 20)
    load.enough.set()
    await asyncio.gather(*working)


async def _answers(load: Load, more: int) -> None:
    enough = load.stream.answered() + more
    async with asyncio.timeout(60):
        while load.stream.answered() < enough:
            assert not load.enough.is_set()
            await asyncio.sleep(0.01)  # the answers come from other tasks of this loop


def _check(stream: Stream, folder) -> None:
    backend = stream.backend
    with backend.ledger() as ledger:
        lives = issued_once(stream.acts, ledger)
        on_record(stream.acts, stream.who, ledger)
    on_served_crls(backend, lives)
    sound_files(backend)
    as_rebuilt(backend, folder / "rebuilt.sqlite")

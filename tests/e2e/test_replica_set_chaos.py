"""Three database nodes, three backend processes, many clients, and everything that can happen to each of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from infra.ledger.store import LedgerStore
from tests.support.chaos import Faults, under_load
from tests.support.crash_backend import eventually
from tests.support.crash_checks import as_rebuilt, issued_once, lives, on_record, on_served_crls
from tests.support.crash_stream import Stream
from tests.support.crew_backend import CrewBackend
from tests.support.crew_load import Load
from tests.support.mongosets import own_set

SEED = 20_262


@pytest.mark.timeout(600)
def test_each_fault_once(tmp_path):
    """Twelve clients; every kind of fault once."""
    print(_campaign(tmp_path, rounds=1, clients=12, kills=1, away=4.0))


@pytest.mark.full
@pytest.mark.timeout(3_600)
def test_twenty_primaries_killed(tmp_path):
    """A hundred clients; the primary killed twenty times, nodes and processes away for a minute, killed, followed."""
    print(_campaign(tmp_path, rounds=4, clients=100, kills=5, away=60.0))


def _campaign(folder, *, rounds: int, clients: int, kills: int, away: float) -> str:
    chance = random.Random(SEED)
    with own_set(folder / "set", 3) as nodes, CrewBackend(folder, database=nodes.url("sslclm")) as backend:
        stream = Stream(backend, chance)
        stream.furnish()
        load = Load(stream)
        faults = Faults(nodes, backend, load, chance, away)
        for _ in range(rounds):
            asyncio.run(under_load(load, clients, lambda: _all(faults, kills)))
            load.enough.clear()
            stream.sign_in()
        backend.stop()
        _check(backend, stream, folder)
        return (
            f"{stream.answered()} commands acknowledged under {rounds * (kills + 5)} faults, {len(load.failures)} "
            f"repeated after no answer or a 503; 0 lost, 0 twice, 0 gaps, read models equal a rebuild"
        )


async def _all(faults: Faults, kills: int) -> None:
    others: list[Callable[[], Awaitable[None]]] = [
        faults.primary_cut_off,
        faults.secondary_cut_off,
        faults.worker_killed,
        faults.worker_paused,
        faults.workers_renewed,
    ]
    faults.chance.shuffle(others)
    await faults.get_on()
    for fault in (*(faults.primary_killed for _ in range(kills)), *others):
        await fault()


def _check(backend: CrewBackend, stream: Stream, folder) -> None:
    with backend.ledger() as ledger:
        verdict = ledger.verify()
        assert verdict.holds, verdict.finding
        assert verdict.events == ledger.head().position
    backend.start()
    stream.sign_in()
    with backend.ledger() as ledger:
        eventually(lambda: _all_ended(ledger), "what a killed process had announced is ended, a minute later", 240)
        ended = issued_once(stream.acts, ledger)
        on_record(stream.acts, stream.who, ledger)
    on_served_crls(backend, ended)
    as_rebuilt(backend, folder / "rebuilt.sqlite")


def _all_ended(ledger: LedgerStore) -> bool:
    return all(life.issued or (life.failed and life.revoked) for life in lives(ledger).values())

"""What a rebuild of all read models costs the commands that go on meanwhile, in one process as the server is."""

from __future__ import annotations

import asyncio
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

from commands.access.create_team import CreateTeam
from commands.context import SYSTEM, Context
from commands.ports.keystore import Secret
from commands.ports.ledger import EntryDraft, EventDraft
from infra.bootstrap import Backend
from infra.files import Files
from infra.mongodb.connection import MongoConnection, check_url
from infra.mongodb.schema import migrate
from infra.setup import SetupPlan, initialise
from infra.views.rebuild import Cancelled, rebuild
from projections.models import MODELS
from tests.bench.bench_views import EVENTS_PER_CERTIFICATE, spread

_CALLERS = 4
_PLAN = SetupPlan("bench.example/log", "Bench", "http://localhost:8080", "development", "/sslclm/admins")


def beside(folder: Path, url: str | None, events: int, seconds: float) -> dict[str, Any]:
    """Return how commands of four callers fare in quiet, and while rebuilds follow each other; SQLite without a URL."""
    folder.mkdir()
    return asyncio.run(_beside(folder, url, events, max(0.5, seconds)))


async def _beside(folder: Path, url: str | None, events: int, seconds: float) -> dict[str, Any]:
    backend = await _backend(folder, url)
    try:
        history = spread(events // EVENTS_PER_CERTIFICATE).entries(1, limit=events)
        drafts = (
            EntryDraft(tuple(EventDraft(e.stream_id, e.stream_version, e.topic, e.state) for e in one.events), b"{}")
            for one in history
        )
        last = (await asyncio.gather(*map(backend.ledger.append, drafts)))[-1]
        await backend.views.wait_for(last.last_position, timeout=120)
        numbers = count()
        await _commands(backend, numbers, 0.3)  # warm
        quiet = await _commands(backend, numbers, seconds)
        stop = threading.Event()
        building = asyncio.create_task(asyncio.to_thread(_rebuilds, backend, stop))
        busy = await _commands(backend, numbers, seconds)
        stop.set()
        rebuilds = await building
    finally:
        backend.close()
    told = {f"{name}_{when}": one[name] for name in quiet for when, one in (("quiet", quiet), ("busy", busy))}
    ratios = {"p50_ratio": busy["p50_ms"] / quiet["p50_ms"], "p99_ratio": busy["p99_ms"] / quiet["p99_ms"]}
    return {"store": "MongoDB" if url else "SQLite", "rebuilds": rebuilds, **told, **ratios}


async def _backend(folder: Path, url: str | None) -> Backend:
    database = check_url(url) if url else None
    if database:
        connection = MongoConnection(database)
        migrate(connection, tell=lambda _: None)
        connection.close()
    files = Files(folder / "data", folder / "keys" / "kek", database)
    return await initialise(files, _PLAN, Secret(b"a long enough passphrase for a bench"), tell=lambda _: None)


async def _commands(backend: Backend, numbers: count[int], seconds: float) -> dict[str, float]:
    """Return milliseconds from a command to its durable answer."""
    end, taken = time.perf_counter() + seconds, list[float]()

    async def caller() -> None:
        while (began := time.perf_counter()) < end:
            number = next(numbers)
            await backend.bus.execute(CreateTeam(name=f"bench-{number}"), Context(SYSTEM, f"bench:{number}"))
            taken.append((time.perf_counter() - began) * 1e3)

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))
    taken.sort()
    return {"p50_ms": taken[len(taken) // 2], "p99_ms": taken[int(len(taken) * 0.99)]}


def _rebuilds(backend: Backend, stop: threading.Event) -> int:
    """Build all models again and again; returns how often to the end."""
    done = 0
    while not stop.is_set():
        try:
            rebuild(backend.ledger, backend.views.store, MODELS, cancelled=stop.is_set)
        except Cancelled:
            break
        done += 1
    return done

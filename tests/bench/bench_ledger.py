"""How many durable, chained entries a second, against the ``eventsourcing`` library's own SQLite recorder.

Same disk, same payload, one event a command, both with ``synchronous=FULL`` in write-ahead mode; ours with asyncio
callers, the library with as many threads. The cases are interleaved, several short rounds each, so that a busy machine
hurts both alike: compare the ratios, not the figures. Run: ``python -m tests.bench.bench_ledger [SECONDS]``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from commands.ports.ledger import EntryDraft, EventDraft
from infra.ledger.drafts import genesis_draft
from infra.ledger.paging import walk
from infra.ledger.proof.verify import verify_entries
from infra.ledger.sqlite import SqliteLedger

CALLERS = (1, 8, 32, 128)
ROUNDS = 3
STATE = b'{"timestamp":"2026-11-23T12:00:00Z","text":"' + b"x" * 270 + b'"}'
METADATA = b'{"actor":"p-7f3a","role":"ROLE_DEVOPS","correlation_id":"0d7e"}'
TOPIC = "sslclm.bench.happened.v1"


def _now() -> datetime:
    return datetime.now(UTC)


def _ours(ledger: SqliteLedger, callers: int, seconds: float) -> float:
    """Return entries per second with this many awaiting callers on one event loop."""

    async def caller(end: float) -> int:
        count = 0
        while time.perf_counter() < end:
            await ledger.append(EntryDraft((EventDraft(f"bench-{uuid4()}", 1, TOPIC, STATE),), METADATA))
            count += 1
        return count

    async def together() -> float:
        start = time.perf_counter()
        counts = await asyncio.gather(*(caller(start + seconds) for _ in range(callers)))
        return sum(counts) / (time.perf_counter() - start)

    return asyncio.run(together())


def _library(recorder: SQLiteApplicationRecorder, callers: int, seconds: float) -> float:
    """Return entries per second with this many threads on the library's recorder."""
    counts = [0] * callers
    start = time.perf_counter()

    def caller(number: int) -> None:
        while time.perf_counter() < start + seconds:
            recorder.insert_events([StoredEvent(uuid4(), 1, TOPIC, STATE)])
            counts[number] += 1

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - start)


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _verification(ledger: SqliteLedger) -> dict[str, float]:
    """Return events per second: verified in full, read only, and SHA-256 alone over the same stored bytes."""
    entries = list(walk(ledger))[:20_000]
    blobs = [b"".join((e.metadata, *(v.state for v in e.events))) for e in entries]
    events = sum(len(e.events) for e in entries)
    return {
        "events": events,
        "verified_per_s": events / _timed(lambda: verify_entries(entries)),
        "read_per_s": events / _timed(lambda: sum(1 for _ in walk(ledger, 1, events))),
        "raw_sha256_per_s": events / _timed(lambda: [sha256(blob).digest() for blob in blobs]),
    }


Case = Callable[[int, float], float]


def _measured(case: Case, callers: int, seconds: float) -> tuple[float, float]:
    """Return entries per second and microseconds of CPU per entry, all threads of the process together."""
    cpu, wall = time.process_time(), time.perf_counter()
    rate = case(callers, seconds)
    stored = rate * (time.perf_counter() - wall)
    return rate, (time.process_time() - cpu) / stored * 1e6


def _append(ours: Case, library: Case, seconds: float) -> list[dict[str, float]]:
    rounds: dict[int, list[tuple[float, ...]]] = {callers: [] for callers in CALLERS}
    for _ in range(ROUNDS):
        for callers in CALLERS:
            first = _measured(ours, callers, seconds / ROUNDS)
            rounds[callers].append((*first, *_measured(library, callers, seconds / ROUNDS)))
    return [_row(callers, rounds[callers]) for callers in CALLERS]


def _row(callers: int, rounds: list[tuple[float, ...]]) -> dict[str, float]:
    ours, ours_cpu, library, library_cpu = (median(column) for column in zip(*rounds, strict=True))
    return {
        "callers": callers,
        "ours_per_s": ours,
        "library_per_s": library,
        "ratio": median(measured[0] / measured[2] for measured in rounds),
        "ours_cpu_us": ours_cpu,
        "library_cpu_us": library_cpu,
    }


def run(seconds_per_case: float) -> dict[str, Any]:
    """Measure all cases for this many seconds each (all rounds together) and return the figures."""
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        datastore = SQLiteDatastore(f"{folder}/library.db", lock_timeout=60)
        recorder = SQLiteApplicationRecorder(datastore)
        recorder.create_table()
        with SqliteLedger(f"{folder}/ledger.db", clock=_now) as ledger:
            ledger.append_blocking(genesis_draft(uuid4().hex, "bench.example/log"))
            appended = _append(partial(_ours, ledger), partial(_library, recorder), seconds_per_case)
            checked = _verification(ledger)
        datastore.close()
    return {"append": appended, "verify": checked, "payload_bytes": len(STATE), "rounds": ROUNDS}


def main() -> None:
    """Print the figures as a table."""
    figures = run(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)
    columns = list(figures["append"][0])
    print(" ".join(f"{column:>14}" for column in columns))
    for row in figures["append"]:
        print(" ".join(f"{row[column]:>14.1f}" for column in columns))
    for name, value in figures["verify"].items():
        print(f"{name:>18} {value:>12.0f}")


if __name__ == "__main__":
    main()

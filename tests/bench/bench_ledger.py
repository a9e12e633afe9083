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


def run(seconds_per_case: float) -> dict[str, Any]:
    """Measure all cases for this many seconds each (all rounds together) and return the figures."""
    with TemporaryDirectory(dir=Path.cwd()) as folder:
        datastore = SQLiteDatastore(f"{folder}/library.db", lock_timeout=60)
        recorder = SQLiteApplicationRecorder(datastore)
        recorder.create_table()
        with SqliteLedger(f"{folder}/ledger.db", clock=_now) as ledger:
            ledger.append_blocking(genesis_draft(uuid4().hex, "bench.example/log"))
            rates: dict[int, list[tuple[float, float]]] = {callers: [] for callers in CALLERS}
            share = seconds_per_case / ROUNDS
            for _ in range(ROUNDS):
                for callers in CALLERS:
                    rates[callers].append((_ours(ledger, callers, share), _library(recorder, callers, share)))
            figures = {"append": [_row(callers, rates[callers]) for callers in CALLERS]}
            checked = _verification(ledger)
        datastore.close()
    return {**figures, "verify": checked, "payload_bytes": len(STATE), "rounds": ROUNDS}


def _row(callers: int, rounds: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "callers": callers,
        "ours_per_s": median(ours for ours, _ in rounds),
        "library_per_s": median(library for _, library in rounds),
        "ratio": median(ours / library for ours, library in rounds),
    }


def main() -> None:
    """Print the figures as a table."""
    figures = run(float(sys.argv[1]) if len(sys.argv) > 1 else 6.0)
    print(f"{'callers':>8} {'ours/s':>9} {'library/s':>10} {'ratio':>6}")
    for row in figures["append"]:
        print(f"{row['callers']:>8} {row['ours_per_s']:>9.0f} {row['library_per_s']:>10.0f} {row['ratio']:>6.1f}")
    for name, value in figures["verify"].items():
        print(f"{name:>18} {value:>12.0f}")


if __name__ == "__main__":
    main()

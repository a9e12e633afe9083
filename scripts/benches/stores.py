"""The same ledger and read models on both stores: ``scripts/bench stores [--seconds N] [--out DIR]``.

Each store's rate is told in its own bare rate, measured between the loads of the same run: one chained, durable insert
after another. All nodes, processes and callers share this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

from infra.ledger.drafts import genesis_draft
from scripts.benches import rebuilding, stores_report
from scripts.benches.appending import now
from tests.bench import bench_views
from tests.support.ledger_stores import migrated, open_ledger
from tests.support.mongod import fresh_url, named
from tests.support.mongosets import own_set

CALLERS = (1, 8, 32, 128)
ROUNDS = 3
VIEW_EVENTS = 16_000
Process = subprocess.Popen[str]


@contextmanager
def _process(spec: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "scripts.benches.appending", spec]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as made:  # noqa: S603 - ours
        assert made.stdout is not None
        assert made.stdin is not None
        if made.stdout.readline() != "ready\n":
            raise RuntimeError("a process of the bench did not start: see the lines above")
        yield made
        made.stdin.close()


def _ask(processes: Sequence[Process], plan: dict[str, Any]) -> dict[str, float]:
    """Share the callers of a plan between processes; return entries per second and the latencies of all."""
    count = len(processes)
    shares = [(plan["callers"] + number) // count for number in range(count)]
    asked = [(one, share) for one, share in zip(processes, shares, strict=True) if share]
    for one, share in asked:
        assert one.stdin is not None
        one.stdin.write(json.dumps({**plan, "callers": share}) + "\n")
        one.stdin.flush()
    told = [json.loads(one.stdout.readline()) for one, _ in asked if one.stdout is not None]
    taken = sorted(value for one in told for value in one["latencies_ms"])
    return {
        "per_s": sum(one["count"] / one["seconds"] for one in told),
        "p50_ms": taken[len(taken) // 2],
        "p99_ms": taken[int(len(taken) * 0.99)],
    }


def _rows(store: str, spec: str, processes: tuple[int, ...], callers: tuple[int, ...], each: float) -> list[Any]:
    """Return a row per number of processes and callers, and with details: medians over rounds that take turns."""
    cases = [(count, many, False) for count in processes for many in callers] + [(1, callers[-1], True)]
    found: dict[tuple[int, int, bool], list[dict[str, float]]] = {case: [] for case in cases}
    with ExitStack() as opened:
        started = [opened.enter_context(_process(spec)) for _ in range(max(processes))]
        for _ in range(ROUNDS):
            for (count, many, details), rounds in found.items():
                bare = _ask(started[:1], {"what": "bare", "callers": 1, "seconds": each / 2})["per_s"]
                plan = {"what": "append", "callers": many, "seconds": each, "details": details}
                told = _ask(started[:count], plan)
                rounds.append(told | {"bare_per_s": bare, "ratio": told["per_s"] / bare})
    return [
        {"store": store, "processes": count, "callers": many, "details": details}
        | {name: median(one[name] for one in rounds) for name in rounds[0]}
        for (count, many, details), rounds in found.items()
    ]


def _begun(spec: str) -> str:
    if spec.startswith("mongodb:"):
        migrated(spec)
    with open_ledger(spec, now) as ledger:
        ledger.append_blocking(genesis_draft(uuid4().hex, "bench.example/log"))
    return spec


def run(
    seconds: float, *, sizes: tuple[int, ...] = (1, 3), callers: tuple[int, ...] = CALLERS, events: int = VIEW_EVENTS
) -> dict[str, Any]:
    """Measure for about this long, set-up on top; ``sizes`` of the replica sets, none for SQLite alone."""
    each = max(0.1, seconds / (1 + len(sizes)) / ((2 * len(callers) + 1) * ROUNDS) / 1.5)
    rows, folded, beside = [], {}, []
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".bench-") as name:
        folder = Path(name)
        rows += _rows("SQLite", _begun(f"sqlite:{folder / 'ledger.db'}"), (1, 2), callers, each)
        beside.append(rebuilding.beside(folder / "beside", None, events, seconds / 20))
        if not sizes:
            folded = bench_views.stores(events, None)
        for size in sizes:
            with own_set(folder / f"set-{size}", size) as made:
                url = named() if size == 1 and named() else made.url("")
                assert url is not None
                rows += _rows(f"MongoDB, {size} nodes", _begun(fresh_url(url)), (1, 3), callers, each)
                if size == sizes[0]:
                    folded = bench_views.stores(events, url)
                    beside.append(rebuilding.beside(folder / "beside-set", fresh_url(url), events, seconds / 20))
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {"measured_at": when, "load": os.getloadavg()[0], "rows": rows, "views": folded, "beside_a_rebuild": beside}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="scripts/bench stores", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="about how long to append; the rest comes on top")
    parser.add_argument(
        "--out", type=Path, help="folder for stores.json and stores.png; default: a fresh temporary one"
    )
    parser.add_argument("--from", dest="start", type=Path, default=Path(), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    out: Path = asked.start / asked.out if asked.out else Path(tempfile.mkdtemp(prefix="sslclm-bench-out-"))
    out.mkdir(parents=True, exist_ok=True)
    figures = run(asked.seconds)
    (out / "stores.json").write_text(json.dumps(figures, indent=1) + "\n")
    stores_report.draw(figures, out / "stores.png")
    print(stores_report.table(figures))
    print(f"\n{out / 'stores.json'}\n{out / 'stores.png'}")


if __name__ == "__main__":
    main()

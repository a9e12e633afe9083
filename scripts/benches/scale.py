"""Certificates by one and by two workers, one by one and in bulk, and what a bulk call costs everybody else.

All in one run: the bare work on one core (parse, verify, build, sign with ``cryptography``) is measured between the
loads, and rates are told in it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Any

from scripts.benches.driving import Load, answer_of, clients, go, measured
from scripts.benches.lab import Lab, Orders, running
from tests.bench.bench_issuers import Stages

WORKERS = (1, 2)
CLIENTS = (1, 16, 32)
IN_BULK, BULK_CLIENTS, LARGEST = 100, 4, 1_000
ROUNDS = 2
_ALL_DONE = '"refused":0,"failed":0'


def run(seconds: float, folder: Path) -> dict[str, Any]:
    """Measure for about this long, servers set up below ``folder``."""
    stages = asyncio.run(Stages.make())
    orders = Orders()
    each = max(0.5, seconds / (len(WORKERS) * (len(CLIENTS) + 3) * ROUNDS))
    rows: list[dict[str, float]] = []
    others: list[dict[str, float]] = []
    for workers in WORKERS:
        with running(folder / f"workers-{workers}", workers=workers) as lab:
            measured(lab, _single(8, 0.5, orders))  # warm
            rows += _rows(lab, stages, workers, each, orders)
            others.append({"workers": float(workers), **_beside(lab, each, orders)})
    return {"in_bulk": IN_BULK, "rows": rows, "beside_a_bulk_call": others}


def _single(count: int, seconds: float, orders: Orders) -> Load:
    return Load("POST /api/v1/orders", 201, count, seconds, orders.take(seconds))


def _bulk(count: int, seconds: float, orders: Orders, size: int = IN_BULK) -> Load:
    bodies = orders.take(seconds)
    calls = [", ".join(bodies[first : first + size]) for first in range(0, len(bodies), size)]
    texts = [f'{{"items": [{call}]}}' for call in calls]
    return Load("POST /api/v1/orders/bulk", 200, count, seconds, texts, _ALL_DONE)


def _rows(lab: Lab, stages: Stages, workers: int, each: float, orders: Orders) -> list[dict[str, float]]:
    """Return a row for each number of clients, and one (clients 0) for bulk calls."""
    found: dict[int, list[dict[str, float]]] = {count: [] for count in (*CLIENTS, 0)}
    for _ in range(ROUNDS):
        for count, rounds in found.items():
            load, size = (_single(count, each, orders), 1) if count else (_bulk(BULK_CLIENTS, each, orders), IN_BULK)
            bare = stages.measure()["bare_us"]
            told, spent = measured(lab, load)
            certificates = told["requests"] * size
            row = {"per_s": certificates / told["seconds"], "cpu_us": sum(spent.values()) / certificates * 1e6}
            row |= {"of_bare_rate": row["per_s"] * bare / 1e6, "cpu_to_bare": row["cpu_us"] / bare}
            rounds.append(row | {name: told[name] for name in ("p50_ms", "p99_ms")})
    return [
        {"workers": float(workers), "clients": float(count)}
        | {name: median(one[name] for one in rounds) for name in rounds[0]}
        for count, rounds in found.items()
    ]


def _beside(lab: Lab, each: float, orders: Orders) -> dict[str, float]:
    """Return how single requests of four clients fare in quiet, and while calls of a thousand follow each other."""
    quiet, _ = measured(lab, _single(4, each, orders))
    single, bulk = _single(4, each, orders), _bulk(1, each, orders, LARGEST)
    with clients(lab, single) as people, clients(lab, bulk) as pipeline:
        go(pipeline)
        go(people)
        busy = answer_of(people, single)
        answer_of(pipeline, bulk)
    lab.settle()
    told = {
        f"{name}_{when}": one[name] for name in ("p50_ms", "p99_ms") for when, one in (("quiet", quiet), ("busy", busy))
    }
    return told | {"p99_ratio": busy["p99_ms"] / quiet["p99_ms"]}

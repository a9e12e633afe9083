"""Certificates over HTTPS: the whole server's CPU for each, against the bare cost of the cryptography alone.

Rounds are interleaved: a window of the bare work stands beside each measured load, so that whatever else the machine
does hurts both alike. CPU is the kernel's count per thread of the server, the read models' catching up included.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from typing import Any

from scripts.benches.driving import Load, measured
from scripts.benches.lab import Lab, Orders, running
from tests.bench.bench_issuers import Stages

CLIENTS = (1, 8, 32)
ROUNDS = 3
_ORDER = ("order", "POST /api/v1/orders", 201)
_WHO = ("who", "GET /api/v1/me", 200)
_HTTP = ("http", "GET /.well-known/sslclm/ca.pem", 200)

Plan = tuple[str, str, int]


def run(seconds: float, folder: Path) -> dict[str, Any]:
    """Measure for about this long, server set up below ``folder``."""
    stages = asyncio.run(Stages.make())
    orders = Orders()
    cases = [(_HTTP, 32), (_WHO, 32), *((_ORDER, clients) for clients in CLIENTS)]
    each = max(0.5, seconds / (len(cases) * ROUNDS))
    cases_found: dict[tuple[str, int], list[dict[str, float]]] = {(plan[0], clients): [] for plan, clients in cases}
    bare: list[dict[str, float]] = []
    with running(folder) as lab:
        _load(lab, _ORDER, 8, 0.5, orders)  # warm: caches, imports, prepared statements
        for _ in range(ROUNDS):
            for plan, clients in cases:
                bare.append(stages.measure())
                found = _load(lab, plan, clients, each, orders)
                cases_found[plan[0], clients].append(found | {"to_bare": found["cpu_us"] / bare[-1]["bare_us"]})
    return _figures(cases_found, bare)


def _load(lab: Lab, plan: Plan, clients: int, seconds: float, orders: Orders) -> dict[str, float]:
    """Return the figures of one load: requests per second, latencies, and µs of CPU per request by thread."""
    _, line, status = plan
    load = Load(line, status, clients, seconds, orders.take(seconds) if line.startswith("POST") else [""])
    found, spent = measured(lab, load)
    threads = {f"{name}_us": seconds / found["requests"] * 1e6 for name, seconds in spent.items()}
    total = {"per_s": found["requests"] / found["seconds"], "cpu_us": sum(threads.values())}
    return {**total, **threads, **{name: found[name] for name in ("p50_ms", "p99_ms", "client_cpu_us")}}


def _figures(measured: dict[tuple[str, int], list[dict[str, float]]], bare: list[dict[str, float]]) -> dict[str, Any]:
    """Return medians over the rounds, with the least CPU beside them, and where the CPU goes with 32 clients."""
    cases = {
        key: {name: median(one[name] for one in rounds) for name in rounds[0]}
        | {"least_cpu_us": min(one["cpu_us"] for one in rounds)}
        for key, rounds in measured.items()
    }
    stages = {name: median(one[name] for one in bare) for name in bare[0]}
    least_bare = min(one["bare_us"] for one in bare)
    orders = [{"clients": float(clients)} | cases["order", clients] for clients in CLIENTS]
    for row in orders:
        row["least_to_least_bare"] = row["least_cpu_us"] / least_bare
    return {
        "clients": orders,
        "bare_us": stages["bare_us"],
        "least_bare_us": least_bare,
        "stages_us": _where(cases["order", max(CLIENTS)], cases["http", 32], cases["who", 32], stages),
    }


def _where(
    order: dict[str, float], http: dict[str, float], who: dict[str, float], stages: dict[str, float]
) -> dict[str, float]:
    """Return µs per certificate: threads by the kernel, TLS, HTTP and authentication by requests that do no more."""
    named = {
        "TLS and HTTP": http["cpu_us"],
        "authentication": max(0.0, who["cpu_us"] - http["cpu_us"]),
        "read and check the CSR": stages["read_csr_us"],
        "prepare, sign, verify": stages["prepare_sign_verify_us"],
        "append (writer thread)": order["append_us"],
        "project (read models' thread)": order["project_us"],
    }
    return named | {"decide, events, JSON, hand-overs": max(0.0, order["cpu_us"] - sum(named.values()))}

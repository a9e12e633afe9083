"""Renewal storm: many certificates due at once on a whole backend, while somebody goes on working with it.

``python -m tests.bench.bench_storm 10000`` tells how long it took, what a request cost meanwhile against a quiet moment
of the same run, and what the memory did. Compare ratios, not figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx2

from commands.certificates.keep_renewed import keep_renewed
from domain.base import Aggregate
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.certificates.timing import life
from domain.certificates.wish import Subject, Target
from domain.errors import Unavailable
from domain.hosts.deployment import Deployment, Evidence
from domain.hosts.targets import Endpoint, TargetSpec
from domain.issuers.issuer import Issuer
from infra.upkeep.renewals import rest
from projections.certificates.renewals import RENEWALS, RenewalFilter
from tests.support.crash_stream import fresh_csr
from tests.support.drafts import draft_of
from tests.support.edge import Lab, open_lab

HOSTS = 20
REQUESTS = 400
_AT_ONCE = 80
_LIFE = timedelta(days=30)
_BETWEEN_S = 0.005


def history(lab: Lab, number: int, host_id: str) -> Iterator[Aggregate]:
    """Yield what a certificate that was ordered, installed and proven 25 days ago left in the ledger."""
    at = lab.clock() - timedelta(days=25)
    name = f"w{number}.shop.test"
    spec = TargetSpec(
        directory=f"/srv/tls/{name}", endpoints=(Endpoint(address="127.0.0.1", port=443, server_name=name),)
    )
    subject = Subject(
        dns_names=(name,), ip_addresses=(), common_name=name, key_algorithm="EC-P256", validity=30 * 86_400
    )
    certificate = Certificate.begin(
        Certificate.IssuanceStarted, stream_id=Certificate.id_for("bench", f"{number:x}"), at=at, purpose="order",
        order_id=f"order-storm-{number}", team_id=lab.team(), host_id=host_id, profile_id=lab.profile(),
        profile_version=1, issuer_id=Issuer.id_for("issuing"), serial=f"{number + 1:x}", tbs_sha256="0" * 64,
        spki_sha256=f"{number:064x}", dns_names=(name,), ip_addresses=(), not_before=at, not_after=at + _LIFE,
    )  # fmt: skip
    certificate.issued(certificate="MIIB" * 200, fingerprint=f"{number:064x}", at=at)
    yield _ordered(lab, certificate, Target(host_id=host_id, spec=spec), subject)
    yield certificate
    yield _deployed(lab, certificate, host_id, spec)
    times = life(begins=at, ends=at + _LIFE, percent=67, certificate_id=certificate.id)
    yield Renewal.plan(certificate_id=certificate.id, team_id=lab.team(), life=times, at=at)


def _ordered(lab: Lab, certificate: Certificate, target: Target, subject: Subject) -> Order:
    at, order_id = certificate.created_on, certificate.order_id or ""
    order = Order.begin(
        Order.Requested, stream_id=order_id, at=at, team_id=lab.team(), profile_id=lab.profile(), profile_version=1,
        requester="p-anna", subject=subject, targets=(target,), csr=None, csr_sha256=None, waived_rules=(),
        approvals_needed=1,
    )  # fmt: skip
    order.approve_by_policy(at=at)
    order.accept_key(
        host_id=target.host_id,
        certificate_id=certificate.id,
        spki_sha256=certificate.spki_sha256,
        csr_sha256="0" * 64,
        at=at,
    )
    deployment_id = Deployment.id_for(certificate.id, 0)
    order.target_served(deployment_id=deployment_id, all_targets=frozenset((deployment_id,)), at=at)
    return order


def _deployed(lab: Lab, certificate: Certificate, host_id: str, spec: TargetSpec) -> Deployment:
    at = certificate.created_on
    made = Deployment.plan(
        stream_id=Deployment.id_for(certificate.id, 0), order_id=certificate.order_id or "",
        certificate_id=certificate.id, host_id=host_id, team_id=lab.team(), generation=1, target=spec, at=at,
    )  # fmt: skip
    proof = Evidence(endpoint="127.0.0.1:443/x", sha256=certificate.fingerprint, tls="TLSv1.3", hits=1)
    made.report_served(evidence=(proof,), previous=None, at=at)
    return made


async def fabricate(lab: Lab, count: int) -> None:
    """Store the history of so many certificates, all of which are due now."""
    hosts = [await lab.host(f"web{number}.shop.test") for number in range(HOSTS)]
    for start in range(0, count, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, count))
        lab.backend.ledger.append_blocking(
            draft_of(*(one for number in numbers for one in history(lab, number, hosts[number % HOSTS])))
        )
        await lab.backend.views.wait_for(lab.position(), timeout=120)


@dataclass
class Worker:
    """Somebody who works with the backend: looks at lists and objects, and orders; each request is timed."""

    lab: Lab
    client: httpx2.AsyncClient
    seen: list[str]
    took: list[float] = field(default_factory=list)

    async def work(self, requests: int) -> list[float]:
        """Send so many requests, one after another; returns the seconds each took."""
        took = [await self._request(number) for number in range(requests)]
        self.took += took
        return took

    async def _request(self, number: int) -> float:
        await asyncio.sleep(_BETWEEN_S)
        name = f"x{number}.shop.test"
        body = self.lab.order(name, csr=fresh_csr(name))
        began = time.perf_counter()
        match number % 3:
            case 0:
                answer = await self.client.get("/api/v1/certificates", params={"limit": 20})
            case 1:
                answer = await self.client.get(f"/api/v1/certificates/{self.seen[number % len(self.seen)]}")
            case _:
                answer = await self.client.post("/api/v1/orders", json=body, headers=self.lab.key())
        answer.raise_for_status()
        return time.perf_counter() - began


async def _storm(lab: Lab) -> AsyncIterator[int]:
    """Let the scheduler's rounds follow one another, as the upkeep does while something is due."""
    while True:
        try:
            done = await keep_renewed(lab.backend.bus, lab.backend.services.reading, rest)
        except Unavailable:  # the read models lag on a busy machine: the next round is tried, as the upkeep does
            continue
        if not done:
            return
        yield done


def rss_mib() -> float:
    """Return this process's resident memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def p99(took: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(took, n=100)[98]


async def measure(lab: Lab, count: int, requests: int = REQUESTS) -> dict[str, Any]:
    """Fabricate, work in quiet, work in the storm, work in quiet again."""
    await fabricate(lab, count)
    async with lab.client("dev-anna") as client:
        rows = lab.backend.views.find(RENEWALS, RenewalFilter(), limit=100).rows
        worker = Worker(lab, client, [row["certificate_id"] for row in rows])
        await worker.work(60)  # warm
        quiet = await worker.work(requests // 2)
        began, memory, rounds = time.perf_counter(), [rss_mib()], []
        noisy = asyncio.create_task(_while(worker, over := asyncio.Event()))
        async for done in _storm(lab):
            rounds.append(done)
            memory.append(rss_mib())
        seconds = time.perf_counter() - began
        over.set()
        busy = await noisy
        quiet += await worker.work(requests // 2)
    return _figures(lab, count, seconds, rounds, memory) | {
        "quiet_p99_ms": p99(quiet) * 1e3,
        "storm_p99_ms": p99(busy) * 1e3,
        "p99_ratio": p99(busy) / p99(quiet),
        "p50_ratio": median(busy) / median(quiet),
        "requests": len(busy),
    }


async def _while(worker: Worker, over: asyncio.Event) -> list[float]:
    took: list[float] = []
    while not over.is_set():
        took += await worker.work(3)
    return took


def _figures(lab: Lab, count: int, seconds: float, rounds: list[int], memory: list[float]) -> dict[str, Any]:
    settled = memory[max(1, len(memory) // 5)]
    return {
        "certificates": count,
        "seconds": seconds,
        "per_s": count / seconds,
        "rounds": len(rounds),
        "largest_round": max(rounds),
        "started": sum(rounds),
        "rss_mib": [round(one) for one in memory[:: max(1, len(memory) // 10)]],
        "rss_growth": memory[-1] / settled,
        "left": len(lab.backend.services.reading.renewals_due(lab.clock(), at_most=10)),
    }


def run(count: int, requests: int = REQUESTS) -> dict[str, Any]:
    """Return the figures of one storm."""
    with tempfile.TemporaryDirectory(prefix="sslclm-storm-") as name, open_lab(Path(name)) as lab:
        return asyncio.run(measure(lab, count, requests))


if __name__ == "__main__":
    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000), indent=1))

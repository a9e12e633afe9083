"""What a load balancer is told: whether this process lives, and whether it can do its work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from infra.clock import GuardedClock
from infra.health import BackendHealth


async def ask(lab, path: str):
    """Ask as a stranger."""
    async with lab.client() as client:
        return await client.get(path)


async def test_a_healthy_backend_is_ready(lab):
    """Every part is named, none is explained to strangers."""
    answer = await ask(lab, "/readyz")

    parts = {"ledger": "ok", "read-models": "ok", "key-store": "ok", "crls": "ok", "clock": "ok"}
    assert (200, {"status": "ready", "parts": parts}) == (answer.status_code, answer.json())
    assert (await ask(lab, "/healthz")).json() == {"status": "ok"}


async def test_asking_stores_nothing(lab):
    """The write lock is taken and let go; the ledger does not grow."""
    before = lab.position()
    for _ in range(3):
        await ask(lab, "/readyz")

    assert lab.position() == before


async def test_a_stopped_runner_takes_the_process_out(lab, monkeypatch):
    """Read models that do not follow any more make a process unready, but it lives."""
    runner = lab.backend.runner
    monkeypatch.setattr(runner, "_state", "stopped")
    answer = await ask(lab, "/readyz")

    assert (503, "failed") == (answer.status_code, answer.json()["parts"]["read-models"])
    assert 200 == (await ask(lab, "/healthz")).status_code


async def test_a_ledger_that_takes_nothing_takes_the_process_out(lab, monkeypatch):
    """A writer that never lets go, or a full disk, shows as the part that failed, without its file's name."""

    def refused(_path):
        raise sqlite3.OperationalError("database or disk is full: /srv/ledger.sqlite")

    monkeypatch.setattr("infra.health.connect", refused)
    answer = await ask(lab, "/readyz")

    assert (503, "failed") == (answer.status_code, answer.json()["parts"]["ledger"])
    assert "/srv" not in answer.text


def test_a_stale_crl_is_told_but_takes_nobody_out(lab, monkeypatch):
    """Taking every node out would not publish a CRL."""
    later = lab.clock() + timedelta(days=400)
    monkeypatch.setattr(lab.backend.health, "_clock", GuardedClock(lambda: later))
    parts = {part.name: part for part in lab.backend.health.parts()}

    assert parts["crls"].ready
    assert "nextUpdate" in parts["crls"].detail


async def test_a_disk_that_is_nearly_full_takes_the_process_out(lab, monkeypatch):
    """Before appends fail, requests go elsewhere."""
    monkeypatch.setattr("infra.health.FREE_AT_LEAST", 2**60)

    assert "failed" == (await ask(lab, "/readyz")).json()["parts"]["ledger"]


def test_the_lock_is_let_go(lab):
    """After a look another connection can write at once."""
    health: BackendHealth = lab.backend.health
    health.parts()
    with closing(sqlite3.connect(lab.backend.ledger.path, timeout=0.1)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")

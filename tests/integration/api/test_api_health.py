"""What a load balancer is told: whether this process lives, and whether it can do its work."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import timedelta

import pytest

import infra.ledger.probe as probe_module
from infra.clock import GuardedClock
from infra.health import BackendHealth
from infra.upkeep.loop import Record


@pytest.fixture(autouse=True)
def looked_at_anew(lab):
    """Let each test's first look be a real one, and whatever it broke be forgotten."""
    _forget(lab)
    yield
    _forget(lab)


def _forget(lab) -> None:
    lab.backend.ledger._probe.close()
    lab.backend.health._until = float("-inf")


async def ask(lab, path: str):
    """Ask as a stranger."""
    async with lab.client() as client:
        return await client.get(path)


async def test_a_healthy_backend_is_ready(lab):
    """Every part is named, none is explained to strangers."""
    answer = await ask(lab, "/readyz")

    parts = dict.fromkeys(("ledger", "read-models", "key-store", "crls", "clock", "upkeep", "history"), "ok")
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

    monkeypatch.setattr("infra.ledger.probe.connect", refused)
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
    monkeypatch.setattr("infra.ledger.probe.FREE_AT_LEAST", 2**60)

    assert "failed" == (await ask(lab, "/readyz")).json()["parts"]["ledger"]


def test_a_stalled_upkeep_is_told_and_takes_nobody_out(lab, monkeypatch):
    """When no reaction has ended for five minutes somebody has to look; requests are served all the same."""
    ended = time.monotonic() - 301
    monkeypatch.setattr(lab.backend.health, "_began", ended)
    monkeypatch.setitem(lab.backend.metrics.records, "crls", Record(done=3, ended=ended))
    part = next(one for one in lab.backend.health.parts() if one.name == "upkeep")

    assert part.ready
    assert "crls" in part.detail


def test_a_fresh_process_is_not_stalled(lab):
    """Before the first round has ended there is nothing to complain about."""
    assert {"upkeep": ""} == {one.name: one.detail for one in lab.backend.health.parts() if one.name == "upkeep"}


async def test_many_askers_cost_one_look(lab, monkeypatch):
    """However many balancers ask, the parts are looked at once a second, over one connection."""
    opened = []
    real = probe_module.connect
    monkeypatch.setattr("infra.ledger.probe.connect", lambda path: opened.append(path) or real(path))
    monkeypatch.setattr("infra.health.KEPT_SECONDS", 3600)
    for _ in range(20):
        await ask(lab, "/readyz")
    lab.backend.health._until = float("-inf")
    await ask(lab, "/readyz")

    assert 1 == len(opened)


def test_a_ledger_whose_file_has_gone_is_seen(lab, tmp_path, monkeypatch):
    """An open connection would not notice."""
    lab.backend.health.parts()
    monkeypatch.setattr(lab.backend.ledger, "_path", tmp_path / "gone.sqlite")
    lab.backend.health._until = float("-inf")

    assert not lab.backend.health.parts()[0].ready


def test_the_lock_is_let_go(lab):
    """After a look another connection can write at once."""
    health: BackendHealth = lab.backend.health
    health.parts()
    with closing(sqlite3.connect(lab.backend.ledger.path, timeout=0.1)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")

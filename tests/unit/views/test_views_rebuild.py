"""A rebuild gives what the incremental folding gave, however the entries were cut into batches."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.errors import ClmError
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from infra.views import rebuild as rebuilding
from infra.views.rebuild import rebuild
from infra.views.runner import Runner
from infra.views.sqlite import SqliteViews
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.models import MODELS
from tests.support.memoryledger import MemoryLedger, at
from tests.support.story import EVIDENCE, HOST, accept, certificate, deployment, order
from tests.support.viewrows import all_rows

ACTS = (
    "request", "approve", "reject", "cancel", "accept", "refuse", "reopen", "issue", "fail", "supersede",
    "plan", "serve", "unserve", "retry", "host", "disable",
)  # fmt: skip


class World:
    """Objects of each kind, and acts on the newest of them; an act that its rules forbid just does not happen."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(quiet=True)
        self.orders: list[Order] = []
        self.made: list[Certificate] = []
        self.plans: list[Deployment] = []
        self.hosts: list[Host] = []

    def act(self, name: str, which: int) -> None:
        """Try one act on one object and store what it records."""
        try:
            changed = getattr(self, f"_{name}")(which)
        except (IndexError, ClmError):
            return
        if any(one.pending_events for one in changed):
            self.ledger.save(*changed)

    def _request(self, which):
        csr = "MIIB" if which == 3 else None
        self.orders.append(order(len(self.orders), hosts=(HOST, f"host-{which}"), csr=csr))
        return self.orders[-1:]

    def _approve(self, which):
        self.orders[-1 - which].approve_by_policy(at=at(1))
        return [self.orders[-1 - which]]

    def _reject(self, which):
        self.orders[-1 - which].reject(rejecter="p-bob", at=at(1))
        return [self.orders[-1 - which]]

    def _cancel(self, which):
        self.orders[-1 - which].cancel(at=at(1))
        return [self.orders[-1 - which]]

    def _accept(self, which):
        wanted = self.orders[-1 - which]
        made = certificate(len(self.made), order_id=wanted.id)
        accept(wanted, made.id)
        self.made.append(made)
        return [wanted, made]

    def _refuse(self, which):
        self.orders[-1 - which].refuse_key(host_id=HOST, rule="key-strength", at=at(2))
        return [self.orders[-1 - which]]

    def _reopen(self, which):
        wanted = self.orders[-1 - which]
        wanted.reopen_issuance(host_id=HOST, certificate_id=wanted.accepted.get(HOST, ""), at=at(3))
        return [wanted]

    def _issue(self, which):
        self.made[-1 - which].issued(certificate="AAAA", fingerprint=f"{which:064x}", at=at(4))
        return [self.made[-1 - which]]

    def _fail(self, which):
        self.made[-1 - which].fail(reason="outcome-unknown", at=at(4))
        return [self.made[-1 - which]]

    def _supersede(self, which):
        self.made[-1 - which].supersede(by="certificate-x", at=at(5))
        return [self.made[-1 - which]]

    def _plan(self, which):
        number = len(self.plans)
        self.plans.append(deployment(number, order_id=self.orders[-1 - which].id, certificate_id=self.made[-1].id))
        return self.plans[-1:]

    def _serve(self, which):
        self.plans[-1 - which].report_served(evidence=EVIDENCE, previous=None, at=at(6))
        return [self.plans[-1 - which]]

    def _unserve(self, which):
        plan = self.plans[-1 - which]
        plan.report_failed(stage="probe", detail="no answer", rolled_back=True, served_now=None, at=at(6))
        return [plan]

    def _retry(self, which):
        self.plans[-1 - which].retry(at=at(7))
        return [self.plans[-1 - which]]

    def _host(self, _):
        self.hosts.append(Host.register(name=f"h{len(self.hosts)}.test", team_id="team-1", at=at()))
        return self.hosts[-1:]

    def _disable(self, which):
        self.hosts[-1 - which].disable(at=at(8))
        return [self.hosts[-1 - which]]


@settings(max_examples=40, deadline=None)
@given(
    acts=st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), max_size=80),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_batches_do_not_matter(acts, cuts):
    """Any history, cut into any batches, gives the rows that a rebuild of all of it gives."""
    world = World()
    for name, which in acts:
        world.act(name, which)
    with tempfile.TemporaryDirectory() as folder:
        step, once = Path(folder) / "step.db", Path(folder) / "once.db"
        views = SqliteViews(step, MODELS)
        runner = Runner(MemoryLedger(), views)
        writer = views.store.writer()
        runner._prepare()
        left, sizes = list(world.ledger.stored), iter(cuts * 80)
        while left:
            size = next(sizes)
            runner.write(writer, left[:size])
            left = left[size:]
        writer.close()
        fresh = SqliteViews(once, MODELS).store
        with patch.object(rebuilding, "CHUNK", cuts[0]):
            rebuild(world.ledger, fresh, MODELS, cancelled=lambda: False)

        assert all_rows(step) == all_rows(once)


def test_reads_go_on_while_a_model_is_rebuilt(ledger, started):
    """Every read during rebuilds and folding sees a whole model: never fewer rows than before."""
    views, runner = started()
    for number in range(1, 200):
        last = ledger.save(certificate(number)).last_position
    views.wait_for_blocking(last)
    seen = []
    done = threading.Event()

    def read():
        while not done.is_set():
            page = views.find(INVENTORY, InventoryFilter(), limit=1)
            seen.append(page.rows[0]["created"] - page.position)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200, 205):
        runner.rebuild(INVENTORY)
        ledger.save(certificate(number))
    views.wait_for_blocking(ledger.head().position)
    done.set()
    reader.join()

    assert len(seen) > 5
    assert set(seen) == {0}
    assert len(views.find(INVENTORY, InventoryFilter(), limit=200).rows) == 200
    assert runner.health().state == "running"


def test_a_rebuild_that_meets_poison_leaves_the_model(ledger, started):
    """A rebuild that cannot fold an event changes nothing of what is read."""
    views, runner = started()
    views.wait_for_blocking(ledger.save(certificate(1)).last_position)
    runner.stop()
    ledger.put_raw([("certificate-9", 1, "sslclm.certificate.issued.v1", b"{}", None)])
    before = all_rows(views.path)

    again, second = started()
    second._thread.join(10)

    assert second.health().state == "stopped"
    assert again.get(INVENTORY, "certificate-1") is not None
    assert all_rows(views.path) == before


def test_an_interrupted_rebuild_leaves_nothing_behind(ledger, started):
    """A rebuild that was cut off half-way is begun anew; its half-filled tables are neither read nor kept."""
    for number in range(1, 10):
        last = ledger.save(certificate(number)).last_position
    views, runner = started()
    views.wait_for_blocking(last)
    with patch.object(rebuilding, "CHUNK", 2), pytest.raises(rebuilding.Cancelled):
        rebuild(ledger, views.store, (INVENTORY,), cancelled=iter((False, True)).__next__)
    before = all_rows(views.path)

    runner.rebuild(INVENTORY)

    assert all_rows(views.path) == before
    with closing(sqlite3.connect(views.path)) as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    assert sorted(name for name in tables if name.startswith("inventory")) == ["inventory_3", "inventory_3_names"]

"""The runner: follows, restarts, stops on poison, skips what it does not know, swaps rebuilt models in."""

from __future__ import annotations

import asyncio
import dataclasses
import threading

import pytest

from commands.ports.ledger import LedgerUnavailable
from domain.errors import InvalidInput, Unavailable
from infra.views import runner as running
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.certificates.orders import ORDERS
from projections.hosts.queue import QUEUE, QueueFilter
from tests.support.memoryledger import MemoryLedger, at
from tests.support.story import HOST, accept, certificate, deployment, order

MODELS = (INVENTORY, ORDERS, QUEUE)


def _issue(ledger: MemoryLedger, number: int) -> int:
    wanted = order(number)
    wanted.approve_by_policy(at=at())
    made = certificate(number, order_id=wanted.id)
    accept(wanted, made.id)
    ledger.save(wanted, made)
    made.issued(certificate="AAAA", fingerprint=f"{number:064x}", at=at(20))
    plan = deployment(number, order_id=wanted.id, certificate_id=made.id)
    return ledger.save(made, plan).last_position


def test_rows_follow_the_ledger(ledger, started):
    """What a command wrote is read after waiting for its position."""
    views, _ = started()

    views.wait_for_blocking(_issue(ledger, 1))

    row = views.get(INVENTORY, "certificate-1")
    assert row is not None
    assert (row["state"], row["dns_names"]) == ("issued", ["shop.test", "n1.shop.test"])
    assert [one["kind"] for one in views.find(QUEUE, QueueFilter(host_id=HOST)).rows] == ["install"]


async def test_a_coroutine_waits_for_a_position(ledger, started):
    """A waiting coroutine is woken by the runner's thread; a position that never comes is Unavailable."""
    views, _ = started()

    await views.wait_for(_issue(ledger, 1))

    with pytest.raises(Unavailable, match="have not reached position 99"):
        await views.wait_for(99, timeout=0.01)


def test_restart_goes_on_where_it_stopped(ledger, started):
    """A second runner on the same file folds only what came after; rows are there once."""
    views, runner = started()
    views.wait_for_blocking(_issue(ledger, 1))
    runner.stop()
    last = _issue(ledger, 2)

    again, _ = started()
    again.wait_for_blocking(last)

    assert [row["certificate_id"] for row in again.find(INVENTORY, InventoryFilter()).rows] == [
        "certificate-2",
        "certificate-1",
    ]


def test_poison_stops_loudly(ledger, started, caplog):
    """An event whose bytes are not of its topic's shape stops the runner before it; position and error are kept."""
    views, runner = started()
    good = _issue(ledger, 1)
    views.wait_for_blocking(good)

    ledger.put_raw([("certificate-9", 1, "sslclm.certificate.issued.v1", b'{"no": 1}', None)])
    runner._thread.join(5)

    health = runner.health()
    assert (health.state, health.position, health.lag) == ("stopped", good, 1)
    assert f"position {good + 1}" in health.error
    assert "the views' runner stopped" in caplog.text
    assert views.get(INVENTORY, "certificate-1") is not None


def test_unknown_topics_are_skipped_and_counted(ledger, started):
    """An event that this version does not know moves the position and nothing else."""
    views, runner = started()

    entry = ledger.put_raw([("thing-1", 1, "sslclm.thing.done.v1", b"{}", None)])
    views.wait_for_blocking(entry.last_position)

    assert runner.health().skipped == 1


def test_a_gap_in_the_hand_over_is_read_from_the_ledger(ledger, started):
    """Entries that nobody handed over are found in the ledger when the next one comes."""
    views, _ = started()
    views.wait_for_blocking(_issue(ledger, 1))
    ledger.quiet = True
    _issue(ledger, 2)
    ledger.quiet = False

    views.wait_for_blocking(_issue(ledger, 3))

    assert len(views.find(INVENTORY, InventoryFilter()).rows) == 3


def test_what_another_process_appended_between_two_hand_overs_is_not_left_out(ledger, started):
    """Entries that were handed over before and after a gap are no batch: the gap is read first."""
    views, runner = started()
    views.wait_for_blocking(_issue(ledger, 1))
    runner.stop()
    first, ledger.quiet = ledger.head().position + 1, True
    last = [_issue(ledger, number) for number in (2, 3, 4)][-1]
    entries = ledger.entries(first)
    runner.hand_over([entries[0], *entries[2:]])

    runner.start()
    views.wait_for_blocking(last)

    assert runner.health().error == ""
    assert len(views.find(INVENTORY, InventoryFilter()).rows) == 4


def test_another_version_of_a_model_is_rebuilt_at_start(ledger, started):
    """A model whose shape changed is built anew from the first event; the others are left as they are."""
    views, runner = started()
    last = _issue(ledger, 1)
    views.wait_for_blocking(last)
    runner.stop()

    newer = dataclasses.replace(INVENTORY, version=INVENTORY.version + 1)
    again, _ = started((newer, ORDERS, QUEUE))
    again.wait_for_blocking(_issue(ledger, 2))

    assert len(again.find(newer, InventoryFilter()).rows) == 2
    with pytest.raises(Unavailable, match="is being built"):
        again.get(INVENTORY, "certificate-1")


def test_another_ledger_is_noticed_at_start(ledger, started):
    """Views of a ledger that was replaced or restored are built anew, never mixed."""
    views, runner = started()
    views.wait_for_blocking(_issue(ledger, 1))
    runner.stop()

    other = MemoryLedger()
    _issue(other, 7)
    _issue(other, 8)
    again, _ = started(book=other)
    again.wait_for_blocking(_issue(other, 9))

    found = [row["certificate_id"] for row in again.find(INVENTORY, InventoryFilter()).rows]
    assert found == ["certificate-9", "certificate-8", "certificate-7"]


def test_pages_follow_each_other(ledger, started):
    """A cursor continues where the page ended, in both orders; a forged one is InvalidInput."""
    views, _ = started()
    for number in range(1, 8):
        last = _issue(ledger, number)
    views.wait_for_blocking(last)

    for where in (InventoryFilter(), InventoryFilter(order="expiry")):
        seen, cursor = [], None
        while True:
            page = views.find(INVENTORY, where, cursor=cursor, limit=3)
            seen += [row["certificate_id"] for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
        expected = [f"certificate-{number}" for number in range(1, 8)]
        assert seen == (expected if where.order == "expiry" else expected[::-1])


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "W10", "ñ", "WzEsMiwzLDRd", "a" * 5000, "bnVsbA"])
def test_forged_cursors_are_refused(ledger, started, cursor):
    """A cursor that we did not write is refused as such."""
    views, _ = started()
    views.wait_for_blocking(_issue(ledger, 1))

    with pytest.raises(InvalidInput, match="not a cursor"):
        views.find(INVENTORY, InventoryFilter(), cursor=cursor)


async def test_nobody_waits_for_a_runner_that_stopped(ledger, started):
    """Waiters of both kinds hear at once that the runner stopped; a restart lets them wait again."""
    views, runner = started()
    views.wait_for_blocking(_issue(ledger, 1))
    waiting = asyncio.create_task(views.wait_for(10**6, timeout=60))
    await asyncio.sleep(0)

    runner.stop()

    with pytest.raises(Unavailable, match="has stopped"):
        await waiting
    with pytest.raises(Unavailable, match="has stopped"):
        await views.wait_for(10**6, timeout=60)
    with pytest.raises(Unavailable, match="has stopped"):
        views.wait_for_blocking(10**6, timeout=60)

    runner.start()
    await views.wait_for(_issue(ledger, 2), timeout=60)


def test_a_ledger_that_cannot_be_read_is_waited_for(ledger, started, monkeypatch):
    """While the ledger does not answer the runner waits and says why; then it goes on."""
    views, runner = started()
    views.wait_for_blocking(_issue(ledger, 1))
    answers = threading.Event()
    asked = threading.Semaphore(0)
    real = ledger.entries

    def entries(first, *, limit=500):
        if not answers.is_set():
            asked.release()
            raise LedgerUnavailable("no primary")
        return real(first, limit=limit)

    monkeypatch.setattr(ledger, "entries", entries)
    monkeypatch.setattr(running, "_RETRY_SECONDS", 0.01)
    ledger.quiet = True
    last = _issue(ledger, 2)
    assert asked.acquire(timeout=10)
    assert asked.acquire(timeout=10)
    assert (runner.health().state, runner.health().error) == ("waiting", "LedgerUnavailable: no primary")
    answers.set()

    views.wait_for_blocking(last, timeout=10)

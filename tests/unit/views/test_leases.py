"""Leases: one holder at a time, until the clock says otherwise."""

from __future__ import annotations

from datetime import timedelta

from infra.views.leases import MemoryLeases
from tests.support.memoryledger import T0


def test_one_holder_until_it_expires():
    """A lease is its holder's to renew, nobody else's to take before it expires, and free when it is released."""
    moment = [T0]
    leases = MemoryLeases(lambda: moment[0])

    assert leases.lease("task-1", "a", 30)
    assert leases.lease("task-1", "a", 30)
    assert not leases.lease("task-1", "b", 30)
    leases.release("task-1", "b")
    assert not leases.lease("task-1", "b", 30)

    moment[0] += timedelta(seconds=30)
    assert leases.lease("task-1", "b", 30)
    leases.release("task-1", "b")
    assert leases.lease("task-1", "a", 30)


def test_expired_leases_do_not_pile_up():
    """Leases that nobody holds any more are swept."""
    moment = [T0]
    leases = MemoryLeases(lambda: moment[0])
    for number in range(10_000):
        leases.lease(f"task-{number}", "a", 1)
    moment[0] += timedelta(seconds=2)

    leases.lease("task-new", "a", 1)

    assert list(leases._held) == ["task-new"]

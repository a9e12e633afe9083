"""A long-poll leaves nothing behind, however it ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from api.agent.tasks import next_tasks
from api.waiting import draining_of
from commands.ports.gate import OpenGate
from infra.views.wakeups import Wakeups

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _edge(rows=()):
    """Return what a long-poll needs: a queue, leases for everybody, and real bells."""
    page = SimpleNamespace(rows=rows, next_cursor=None)
    leases = SimpleNamespace(lease=lambda *_: True)
    tasks = SimpleNamespace(wakeups=Wakeups(), leases=leases)
    bus = SimpleNamespace(services=SimpleNamespace(gate=OpenGate()))
    return SimpleNamespace(views=SimpleNamespace(find=lambda *_, **__: page), tasks=tasks, bus=bus, clock=lambda: NOW)


async def _waiting(edge, draining):
    """Return a long-poll that has begun to wait."""
    call = asyncio.create_task(next_tasks(edge, "host-1", wait=30, draining=draining))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not call.done()
    return call


async def test_a_cancelled_call_leaves_no_task_behind():
    """Cancelling a waiting call ends both of its waits."""
    call = await _waiting(_edge(), asyncio.Event())
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    for _ in range(5):
        await asyncio.sleep(0)

    assert {asyncio.current_task()} == asyncio.all_tasks()


async def test_a_server_that_drains_already_is_not_waited_for():
    """A call that comes while the server stops is answered at once."""
    draining = asyncio.Event()
    draining.set()
    async with asyncio.timeout(5):
        assert [] == await next_tasks(_edge(), "host-1", wait=30, draining=draining)


async def test_open_tasks_are_given_without_waiting():
    """Who has work gets it at once."""
    row = {"task_id": "task-1", "target": None, "windows_until_us": None}
    async with asyncio.timeout(5):
        assert [row] == await next_tasks(_edge((row,)), "host-1", wait=30, draining=None)


@pytest.mark.parametrize("state", [{}, {"draining": True}, {"draining": None}])
def test_only_an_event_says_that_the_server_drains(state):
    """A scope without the server's event means a server that does not drain."""
    assert draining_of(SimpleNamespace(scope={"state": state})) is None

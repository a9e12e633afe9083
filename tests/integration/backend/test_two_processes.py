"""Two backends over one data folder, as two processes have them: what one is told the other knows at once."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from commands.access.give_grant import GiveGrant
from commands.access.withdraw_grant import WithdrawGrant
from commands.context import SYSTEM, Context
from commands.continuity.clock import NoteClock
from domain.errors import Unavailable
from infra.bootstrap import compose
from infra.clock import GuardedClock, Limits
from infra.server.living import Living
from infra.upkeep.turn import Turn
from projections.access.grants import GRANTS
from tests.support.backends import Clock, files_in, reopen, set_up

GROUP = "/teams/shop/viewers"


@pytest.fixture
def pair(tmp_path):
    """Two backends, and their clock."""
    clock = Clock()
    one = set_up(tmp_path, clock)
    other = reopen(tmp_path, clock)
    yield one, other, clock
    one.close()
    other.close()


def do(backend, command):
    """Execute a command as the backend itself."""
    return asyncio.run(backend.bus.execute(command, Context(SYSTEM, "two-processes", purpose="test")))


def test_a_grant_counts_and_ends_at_once_everywhere(pair):
    """What one process gives and withdraws the other knows with its next question."""
    one, other, _ = pair
    held = lambda: [each.role for each in other.grants.held("corp", "group", [GROUP])]  # noqa: E731 - asked three times
    assert held() == []

    made = do(one, GiveGrant(provider="corp", subject=GROUP, role="ROLE_VIEWER"))
    assert held() == ["ROLE_VIEWER"]

    do(one, WithdrawGrant(grant_id=made.id_of("grant")))
    assert held() == []


def test_whoever_answers_reads_what_was_written(pair):
    """A position that one process answered is waited for by the other, and its own reactions hear of the fact."""
    one, other, _ = pair
    heard = threading.Event()
    other.following.subscribe(lambda _: heard.set())

    made = do(one, GiveGrant(provider="corp", subject=GROUP, role="ROLE_VIEWER"))

    asyncio.run(other.views.wait_for(made.position))
    assert other.views.get(GRANTS, made.id_of("grant")) is not None
    assert heard.wait(10)


def test_a_doubt_of_one_process_holds_the_other(tmp_path):
    """A clock in doubt is on record, and nobody issues until who found it takes it back."""
    started = Clock()
    one = set_up(tmp_path, started)
    other = compose(files_in(tmp_path), clock=GuardedClock(started, lambda: 0.0, Limits()))
    other.gate.issuing()

    seen = {"wall": started.now + timedelta(days=1), "trusted": started.now}
    do(one, NoteClock(cause="jumped", **seen))
    with pytest.raises(Unavailable):
        other.gate.issuing()

    do(one, NoteClock(cause=None, **seen))
    other.gate.issuing()
    one.close()
    other.close()


def test_one_at_a_time_does_the_upkeep(pair):
    """The second waits; it goes on when the first gives back, or when the first's lease has run out."""
    one, other, clock = pair
    first, second = Turn(one.leases, "first"), Turn(other.leases, "second")

    first.look()
    second.look()
    assert (first.mine(), second.mine()) == (True, False)

    first.give_back()
    second.look()
    assert (first.mine(), second.mine()) == (False, True)

    clock.go_on(seconds=31)
    first.look()
    assert first.mine()


def test_whoever_is_alone_knows_it(tmp_path):
    """Only a process that nobody serves beside may end what is open at once."""
    path = tmp_path / "serving.lock"
    with Living.at(path) as first:
        assert first.alone
        first.with_others()
        with Living.at(path) as second:
            assert (first.alone, second.alone) == (False, False)
    with Living.at(path) as third:
        assert third.alone

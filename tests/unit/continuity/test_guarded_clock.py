"""The guarded clock: the wall clock while it can be believed, an estimate that only goes on while it cannot."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.continuity.clock import Clock
from infra.ledger.drafts import genesis_draft
from infra.ledger.sqlite import SqliteLedger
from tests.support.drafts import draft_of
from tests.support.machine import Machine

START = Machine().wall
FAR = pytest.mark.parametrize("days", [-400, -1, 1, 400])


@pytest.fixture
def machine() -> Machine:
    """Give a machine."""
    return Machine()


@pytest.fixture
def ledger(tmp_path, machine):
    """Give a ledger that was begun now."""
    with SqliteLedger(tmp_path / "ledger.db", clock=lambda: machine.wall) as made:
        made.append_blocking(genesis_draft("0" * 32, "clock.test"))
        yield made


def store(ledger: SqliteLedger, clock: Clock) -> None:
    """Store what an aggregate recorded."""
    ledger.append_blocking(draft_of(clock))


def test_a_clock_that_agrees_is_the_wall_clock(machine):
    """Small corrections, as a time service makes them, are followed."""
    clock = machine.clock()
    for correction in (0.5, -3, 59, -59):
        machine.pass_time(hours=1)
        machine.set_clock(seconds=correction)
        assert clock.times().doubt is None
    machine.pass_time(hours=1)

    assert clock() == machine.wall


@FAR
def test_a_jump_while_running_is_not_followed(machine, days):
    """The trusted time goes on by the steady clock, whichever way the wall clock went."""
    clock = machine.clock()
    machine.set_clock(days=days)
    machine.pass_time(minutes=10)

    assert clock() == START + timedelta(minutes=10)
    assert clock.times().doubt == "jumped"


@FAR
def test_a_wall_clock_that_comes_back_is_believed_again(machine, days):
    """Nobody has to say anything once the two agree."""
    clock = machine.clock()
    machine.set_clock(days=days)
    assert clock.times().doubt
    machine.set_clock(days=-days)
    machine.pass_time(minutes=1)

    assert (clock.times().doubt, clock()) == (None, machine.wall)


@given(st.lists(st.tuples(st.integers(-40_000_000, 40_000_000), st.integers(0, 100_000)), max_size=30))
def test_the_trusted_time_never_goes_back(moves):
    """Whatever is done to the wall clock."""
    machine = Machine()
    clock, seen = machine.clock(), []
    for jump, passed in moves:
        machine.set_clock(seconds=jump)
        machine.pass_time(seconds=passed)
        seen.append(clock())

    assert seen == sorted(seen)


@pytest.mark.parametrize(
    ("days", "doubt"),
    [
        (-400, "before-last-entry"),
        (-1, "before-last-entry"),
        (0.1, None),
        (3, None),
        (32, "long-gap"),
        (400, "long-gap"),
    ],
)
def test_at_start_the_last_entry_is_compared(machine, ledger, days, doubt):
    """A weekend off is believed; a start before the last entry, or more than a month after it, asks a person."""
    machine.set_clock(days=days)
    clock = machine.clock()
    clock.begin(ledger)

    assert clock.times().doubt == doubt
    assert clock() == (START if doubt else machine.wall)


@pytest.mark.parametrize("right", ["wall", "trusted"])
@FAR
def test_a_persons_word_settles_it(machine, ledger, days, right):
    """Confirmed, the clock goes on by that time, and stays believed."""
    clock = machine.clock()
    machine.set_clock(days=days)
    times = clock.times()
    record = Clock.begin(Clock.Watched, stream_id=Clock.the_id(), at=times.trusted)
    record.suspected(cause="jumped", wall=times.wall, trusted=times.trusted, at=times.trusted)
    record.confirm(right=right, wall=times.wall, trusted=times.trusted, at=getattr(times, right))
    store(ledger, record)
    clock.catch_up(ledger)
    machine.pass_time(hours=5)

    expected = machine.wall if right == "wall" else START + timedelta(hours=5)
    assert (None, expected) == (clock.times().doubt, clock())


@pytest.mark.parametrize("right", ["wall", "trusted"])
@FAR
def test_a_word_outlasts_a_restart(machine, ledger, days, right):
    """What was confirmed before is not asked again at the next start an hour later."""
    test_a_persons_word_settles_it(machine, ledger, days, right)
    machine.pass_time(hours=-4)
    clock = machine.clock()
    clock.begin(ledger)

    expected = machine.wall if right == "wall" else START + timedelta(hours=1)
    assert (None, expected) == (clock.times().doubt, clock())


@FAR
def test_a_restart_does_not_settle_a_doubt(machine, ledger, days):
    """An open incident stays open until somebody answers, or the wall clock is back."""
    record = Clock.begin(Clock.Watched, stream_id=Clock.the_id(), at=START)
    record.suspected(cause="jumped", wall=START + timedelta(days=days), trusted=START, at=START)
    store(ledger, record)
    machine.set_clock(days=days)
    machine.pass_time(minutes=5)
    clock = machine.clock()
    clock.begin(ledger)
    assert clock.times().doubt == "jumped"
    machine.set_clock(days=-days)
    back = machine.clock()
    back.begin(ledger)

    assert (None, machine.wall) == (back.times().doubt, back())


@FAR
def test_recorded_at_never_goes_back(tmp_path, machine, days):
    """Even a clock that nobody guards cannot make an entry older than the one before."""
    with SqliteLedger(tmp_path / "bare.db", clock=lambda: machine.wall) as ledger:
        ledger.append_blocking(genesis_draft("0" * 32, "clock.test"))
        machine.set_clock(days=days)
        ledger.append_blocking(
            draft_of(Clock.begin(Clock.Watched, stream_id=Clock.the_id(), at=datetime.now(START.tzinfo)))
        )
        times = [entry.recorded_at_us for entry in ledger.entries(1)]

        assert times == sorted(times)
        assert ledger.verify().notes == ()

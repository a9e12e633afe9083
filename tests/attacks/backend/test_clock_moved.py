"""The machine's clock is moved by a day or by 400 days, either way, under a running backend and before a start."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from commands.context import SYSTEM, Context
from commands.continuity.clock import ConfirmClock, watch_clock
from commands.issuers.keep_crls_fresh import keep_crls_fresh
from domain.moments import microseconds
from infra.bootstrap import compose
from tests.support.edge import Lab, open_lab
from tests.support.machine import Machine

FAR = pytest.mark.parametrize("days", [-400, -1, 1, 400])
WHOLE = ["sslclm.clock.watched.v1", "sslclm.clock.suspected.v1"]


@dataclass
class Place:
    """A backend and the machine it runs on."""

    lab: Lab
    machine: Machine

    async def order(self) -> tuple[int, str]:
        """Ask for a certificate; returns the status and the rule."""
        async with self.lab.client("dev-anna") as anna:
            made = await anna.post("/api/v1/orders", json=self.lab.order(), headers=self.lab.key())
        return made.status_code, made.json().get("rule", "")

    async def rounds(self, n: int) -> None:
        """Let the backend do what it does by itself."""
        for _ in range(n):
            await watch_clock(self.lab.backend.bus)
            await keep_crls_fresh(self.lab.backend.bus, self.lab.backend.services.reading)
            await self.lab.backend.views.wait_for(self.lab.position())
            self.machine.pass_time(minutes=1)


@pytest.fixture
def place(tmp_path) -> Iterator[Place]:
    """Give a backend whose clock is guarded. It is composed outside of any event loop."""
    machine = Machine()
    with open_lab(tmp_path, machine.clock()) as lab:
        yield Place(lab, machine)


@FAR
async def test_a_moved_clock_stops_issuing_and_nothing_else(place, days):
    """The alarm is raised and recorded once, there is no storm, people still sign in and read."""
    assert (await place.order())[0] == 201
    before = place.lab.position()
    place.machine.set_clock(days=days)
    await place.rounds(20)
    refused = await place.order()
    async with place.lab.client("vera") as vera, place.lab.client() as nobody:
        shown, ready = await vera.get("/api/v1/clock"), await nobody.get("/readyz")

    assert WHOLE == place.lab.topics(before)
    assert (503, "clock-suspect") == refused
    assert "jumped" == shown.json()["doubt"]
    assert (200, "degraded") == (ready.status_code, ready.json()["parts"]["clock"])


@FAR
@pytest.mark.parametrize("right", ["wall", "trusted"])
async def test_a_person_says_what_time_it_is(place, days, right):
    """SEC_OPS confirms with a reason; issuing goes on by that time at once, within what the CAs allow."""
    place.machine.set_clock(days=days)
    await place.rounds(1)
    said = {"right": right, "reason": "asked the time service"}
    async with place.lab.client("dev-anna") as anna, place.lab.client("sec-olga") as olga:
        denied = await anna.post("/api/v1/clock/confirm", json=said, headers=place.lab.key())
        done = await olga.post("/api/v1/clock/confirm", json=said, headers=place.lab.key())
        again = await olga.post("/api/v1/clock/confirm", json=said, headers=place.lab.key())
    status, rule = await place.order()
    if rule == "session-ended":  # the confirmed time was heard between this sign-in and its call
        status, rule = await place.order()

    assert (403, 200) == (denied.status_code, done.status_code)
    assert again.status_code in {409, 401}  # by a later time that was confirmed, the session has ended
    assert (status, rule) == (201, "") or (right, days < 0, rule) == ("wall", True, "validity-order")


@FAR
async def test_a_clock_that_comes_back_needs_nobody(place, days):
    """The incident ends by itself, and says so in the ledger."""
    before = place.lab.position()
    place.machine.set_clock(days=days)
    await place.rounds(3)
    place.machine.set_clock(days=-days)
    await place.rounds(3)

    assert [*WHOLE, "sslclm.clock.returned.v1"] == place.lab.topics(before)
    assert (await place.order())[0] == 201


@FAR
def test_a_start_at_a_wrong_time_is_held_to_the_last_entry(place, days):
    """A day ahead is believed (a machine was off); a month ahead, or any time before the last entry, is not."""
    lab, machine = place.lab, place.machine
    last = lab.backend.ledger.entries(lab.position())[-1].recorded_at_us
    machine.set_clock(days=days)
    other = compose(lab.backend.files, clock=machine.clock())
    times, doubt = other.clock.times(), None if days == 1 else "long-gap" if days > 0 else "before-last-entry"
    asyncio.run(watch_clock(other.bus))
    other.close()

    assert doubt == times.doubt
    assert microseconds(times.trusted) == (last if doubt else microseconds(machine.wall))
    assert lab.backend.ledger.verify().notes == ()


def test_the_operator_of_the_machine_can_answer_without_signing_in(place):
    """Where nobody can sign in, a command on the machine settles it; the running server hears of it from the ledger."""
    lab, machine = place.lab, place.machine
    machine.set_clock(days=400)
    asyncio.run(place.rounds(1))
    other = compose(lab.backend.files, clock=machine.clock())
    asyncio.run(other.bus.execute(ConfirmClock(right="wall"), Context(SYSTEM, "c-1", reason="at the console")))
    other.close()
    assert lab.backend.clock.times().doubt
    lab.backend.clock.catch_up(lab.backend.ledger)

    assert (None, machine.wall) == (lab.backend.clock.times().doubt, lab.backend.clock())

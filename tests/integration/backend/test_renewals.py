"""Renewals on a whole backend: real ledger, read models, issuers and queue; only the agents are made up."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from domain.hosts.targets import Window
from domain.moments import moment_of
from projections.hosts.deployments import DEPLOYMENTS, DeploymentFilter
from projections.query import every
from tests.support.edge import open_lab
from tests.support.fleet import Fleet

DAY = 86_400.0


@pytest.fixture
def fleet(tmp_path):
    """A fleet of three hosts in a lab."""
    with open_lab(tmp_path) as lab:
        yield Fleet(lab)


async def _hosts(fleet: Fleet, count: int) -> list[str]:
    return [await fleet.lab.host(f"web{number}.shop.test") for number in range(1, count + 1)]


async def _serving(fleet: Fleet, hosts: list[str]) -> None:
    await fleet.order(*hosts)
    await fleet.work(*hosts)
    assert len(fleet.certificates(state="issued")) == len(hosts)


def test_a_year_goes_by(fleet):
    """Three hosts are renewed all year: each has one certificate in force at every moment, and none ends in use."""
    asyncio.run(_a_year(fleet))


async def _a_year(fleet: Fleet) -> None:
    hosts = await _hosts(fleet, 3)
    await _serving(fleet, hosts)
    for _ in range(365):
        fleet.lab.clock.forward(DAY)
        while await fleet.round():
            await fleet.work(*hosts)
        in_force = fleet.certificates(state="issued")
        assert sorted(row["host_id"] or "" for row in in_force) == sorted(hosts)
        assert all(moment_of(row["not_after_us"]) > fleet.lab.clock() for row in in_force)

    total = len(fleet.certificates())
    assert 3 * 17 <= total <= 3 * 22
    served = every(fleet.lab.backend.views, DEPLOYMENTS, DeploymentFilter(state="served"))
    assert sorted(row["host_id"] for row in served) == sorted(hosts)
    assert len(list(every(fleet.lab.backend.views, DEPLOYMENTS, DeploymentFilter(state="replaced")))) == total - 3


def test_a_host_that_was_away_for_two_renewals_gets_only_the_newest(fleet):
    """It installs one certificate when it is back, and nothing is left for it to do."""
    asyncio.run(_away(fleet))


async def _away(fleet: Fleet) -> None:
    (host,) = await _hosts(fleet, 1)
    await _serving(fleet, [host])
    fleet.lab.clock.forward(20.5 * DAY)
    await fleet.round()
    task = (await fleet._tasks(host))[0]
    await fleet._do(task)  # its key is made and certified; then it goes away before it installs
    for _ in range(60):
        fleet.lab.clock.forward(DAY)
        while await fleet.round():
            pass
    before = list(fleet.installed[host])
    for _ in range(3):  # it may be back while the next attempt is still to come, a day later at most
        await fleet.work(host)
        fleet.lab.clock.forward(DAY)
        await fleet.round()

    (new,) = fleet.installed[host][len(before) :]
    (row,) = fleet.certificates(state="issued")
    assert row["certificate_id"] == new
    assert moment_of(row["not_after_us"]) > fleet.lab.clock()
    assert fleet.renewals(state="started") == fleet.renewals(state="failed") == []


def test_a_clock_that_jumps_brings_no_storm(fleet):
    """A day or 400 days, forth and back: every certificate is ordered at most once per jump, and all is quiet after."""
    asyncio.run(_jumps(fleet))


async def _jumps(fleet: Fleet) -> None:
    hosts = await _hosts(fleet, 3)
    for host in hosts:
        await _one(fleet, host)
    for days in (1, -1, 400, -400, 1):
        fleet.lab.clock.forward(days * DAY)
        before = len(fleet.certificates())
        rounds = 0
        while await fleet.round():
            await fleet.work(*hosts)
            rounds += 1
            assert rounds < 10
        assert len(fleet.certificates()) <= before + len(hosts)
    assert {row["host_id"] for row in fleet.certificates(state="issued")} == set(hosts)


async def _one(fleet: Fleet, host: str) -> None:
    await fleet.order(host)
    await fleet.work(host)


def test_a_storm_is_paced(fleet):
    """Certificates that are due at once are advanced a few at a time, the nearest end first, until all are done."""
    asyncio.run(_storm(fleet))


async def _storm(fleet: Fleet) -> None:
    (host,) = await _hosts(fleet, 1)
    for number in range(25):
        await fleet.order(host, directory=f"/srv/tls/site{number}")
    await fleet.work(host)
    fleet.lab.clock.forward(25 * DAY)
    ends = sorted(row["expires_us"] for row in fleet.renewals(state="planned"))
    rounds = []
    while done := await fleet.round(at_most=10):
        rounds.append(done)
        started = sorted(row["expires_us"] for row in fleet.renewals(state="started"))
        assert started == ends[: len(started)]
    assert rounds == [10, 10, 5]
    await fleet.work(host)

    assert len(fleet.certificates(state="issued")) == len(fleet.certificates(state="superseded")) == 25
    assert await fleet.round() == 0


def test_a_window_holds_an_installation_back(fleet):
    """Outside of it the key is made and nothing is installed; inside it is, and when the end is near at any time."""
    asyncio.run(_windows(fleet))


async def _windows(fleet: Fleet) -> None:
    (host,) = await _hosts(fleet, 1)
    sundays = (Window(days=("sun",), start=2 * 60, minutes=120),)
    await fleet.order(host, windows=sundays)
    await fleet.work(host)
    assert fleet.installed[host]  # a first installation waits for no window
    await _until_due(fleet, host)
    assert await fleet.asked(host) == []
    while not (fleet.lab.clock().weekday() == 6 and fleet.lab.clock().hour == 2):
        fleet.lab.clock.forward(1_800)
    assert await fleet.asked(host) == ["install"]
    await fleet.work(host)
    assert len(fleet.installed[host]) == 2

    await _until_due(fleet, host)
    (former,) = fleet.renewals(state="started")
    fleet.lab.clock.at = moment_of(former["expires_us"]) - timedelta(hours=26)
    if fleet.lab.clock().weekday() == 6:
        fleet.lab.clock.forward(DAY / 24)
    assert await fleet.asked(host) == ["install"]


async def _until_due(fleet: Fleet, host: str) -> None:
    """Let the next renewal be ordered on a weekday, and its key be made."""
    while not await fleet.round() or fleet.lab.clock().weekday() == 6:
        fleet.lab.clock.forward(DAY / 4)
    await fleet.work(host)

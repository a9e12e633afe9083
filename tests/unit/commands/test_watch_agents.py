"""Agents that fall silent, agents that come back, and silences that were our own."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from commands.hosts.watch_agents import AgentWatch
from commands.ports.presence import WatchedHost
from commands.work import Work
from domain.hosts.host import Host
from infra.agents.presence import StoredPresence
from infra.records.passing import PASSING
from infra.records.sqlite import sqlite_records
from tests.support.world import SHOP, World, system

SILENT = timedelta(minutes=10)
HOSTS = ("web1.shop.test", "web2.shop.test")


class LedgerFleet:
    """The hosts as their aggregates are: what the read model would say without any lag."""

    def __init__(self, world: World, names: tuple[str, ...]) -> None:
        self.world, self.names = world, names

    def watched(self):
        work = Work(self.world.bus.services, system())
        for name in self.names:
            host = work.load(Host, Host.id_for(name))
            if host.spki_sha256 and not host.disabled:
                yield WatchedHost(host.id, host.offline, host.modified_on)


@pytest.fixture
def world(tmp_path):
    """Two hosts with enrolled agents."""
    made = World(tmp_path)
    for name in HOSTS:
        made.given(enrolled(made, name))
    return made


@pytest.fixture
def presence(world, tmp_path):
    """Signs of life by the world's clock."""
    return StoredPresence(sqlite_records(tmp_path / "presence.sqlite", PASSING), lambda: world.now)


@pytest.fixture
def watch(world, presence):
    """A watch that has just begun."""
    return AgentWatch(world.bus, LedgerFleet(world, HOSTS), presence, lambda: world.now, SILENT)


def enrolled(world: World, name: str) -> Host:
    """Return a host whose agent enrolled an hour ago."""
    then = world.now - timedelta(hours=1)
    host = Host.register(name=name, team_id=SHOP, at=then)
    host.make_token(token_sha256="5" * 64, expires=world.now, at=then)
    host.enrol(
        token_sha256="5" * 64, certificate_id="certificate-1", spki_sha256="a" * 64, agent_version="1", platform="x",
        at=then,
    )  # fmt: skip
    return host


def rounds(world: World, watch: AgentWatch, minutes: int, *, heard=lambda: None) -> int:
    """Let minutes pass with a look in each; returns how many changes were recorded."""
    changes = 0
    for _ in range(minutes):
        world.pass_time(minutes=1)
        heard()
        changes += asyncio.run(watch.look())
    return changes


def test_a_silent_agent_went_offline_once_and_came_back_once(world, watch, presence):
    """Heard is well; silent for ten minutes is one fact; heard again is another."""
    before, (web1, web2) = world.head(), map(Host.id_for, HOSTS)
    both = [web1, web2]
    assert rounds(world, watch, 15, heard=lambda: [presence.heard(one) for one in both]) == 0

    both.remove(web2)
    assert rounds(world, watch, 9, heard=lambda: [presence.heard(one) for one in both]) == 0
    assert rounds(world, watch, 15, heard=lambda: [presence.heard(one) for one in both]) == 1
    assert Work(world.bus.services, system()).load(Host, web2).offline

    both.append(web2)
    assert rounds(world, watch, 5, heard=lambda: [presence.heard(one) for one in both]) == 1
    assert world.then(before) == ["host.went-offline", "host.came-back"]


def test_after_a_restart_nobody_is_offline_at_once(world, presence):
    """A backend that was away for a day gives every agent the whole time again, then says who is missing."""
    presence.heard(Host.id_for(HOSTS[0]))
    presence.save()
    world.pass_time(days=1)
    watch = AgentWatch(world.bus, LedgerFleet(world, HOSTS), presence, lambda: world.now, SILENT)

    assert rounds(world, watch, 10) == 0
    assert rounds(world, watch, 2) == 2


@pytest.mark.parametrize("days", [1, 400, -1, -400])
def test_a_clock_that_was_set_alarms_nobody(world, watch, presence, days):
    """A day or 400 days, forwards or back: it is our clock that moved, and who is heard then is heard."""
    both = list(map(Host.id_for, HOSTS))
    rounds(world, watch, 12, heard=lambda: [presence.heard(one) for one in both])
    world.pass_time(days=days)

    assert rounds(world, watch, 9) == 0
    assert rounds(world, watch, 30, heard=lambda: [presence.heard(one) for one in both]) == 0


def test_a_disabled_host_owes_no_sign_of_life(world):
    """Neither does one on which no agent was ever enrolled."""
    host = enrolled(world, "old.shop.test")
    host.disable(at=world.now)
    fresh = Host.register(name="new.shop.test", team_id=SHOP, at=world.now)
    for one in (host, fresh):
        one.collect_events()
        one.note_presence(heard=False, last_seen=None, at=world.now)

    assert [[], []] == [one.collect_events() for one in (host, fresh)]


def test_signs_of_life_survive_a_restart(world, presence, tmp_path):
    """The moment and what the agent said are in the file; a poll keeps what a heartbeat said."""
    host = Host.id_for(HOSTS[0])
    presence.told(host, agent_version="1.2", state="safe-mode", detail="five failures in a row")
    world.pass_time(seconds=30)
    presence.heard(host)
    presence.save()

    sign = StoredPresence(sqlite_records(tmp_path / "presence.sqlite", PASSING), lambda: world.now).last(host)

    assert sign is not None
    assert (sign.at, sign.agent_version, sign.state) == (world.now, "1.2", "safe-mode")
    assert (
        StoredPresence(sqlite_records(tmp_path / "presence.sqlite", PASSING), lambda: world.now).last("host-x") is None
    )

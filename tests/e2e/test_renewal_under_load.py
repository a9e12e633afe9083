"""Renewal on real nginx, real agents and a backend process, under a constant load of new TLS connections."""

from __future__ import annotations

import signal

import pytest

from tests.support.crash_backend import CrashBackend, eventually
from tests.support.live_site import LiveSites

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def backend(tmp_path):
    """A backend in a process of its own."""
    with CrashBackend(tmp_path) as backend:
        yield backend


def test_not_one_handshake_fails_while_a_certificate_is_renewed(backend, tmp_path):
    """Three renewals in a row: every new connection verifies, and each certificate was served in its time."""
    with LiveSites(backend, tmp_path) as sites:
        (site,) = sites.sites
        order = sites.order()
        sites.settle(order)
        seen = [site.served]
        with sites.load() as load:
            for _ in range(3):
                order = sites.renew(sites.certificate(order, site))
                sites.settle(order)
                seen.append(site.served)

    assert load.failures == []
    assert len(set(seen)) == 4
    assert set(load.served) <= set(seen)
    assert load.served[seen[-1]] + load.served[seen[1]] > 0


def test_a_failing_canary_stops_the_rest(backend, tmp_path):
    """The canary goes back to its former certificate, the second host is never asked; mended, both get the new one."""
    with LiveSites(backend, tmp_path, hosts=2, spec={"renew_at_percent": 10, "max_validity": 900}) as sites:
        canary, other = sites.sites
        first = sites.order()
        sites.settle(first)
        before = [canary.served, other.served]
        certificate = sites.certificate(first, canary)
        with sites.load() as load:
            canary.breaks(broken=True)
            order = sites.renew(certificate, together=True)
            for site in (canary, other, canary, other):
                assert site.work() == 0
            told = sites.get(f"/orders/{order}")
            assert list(told["deployments"].values()) == ["failed"]
            assert [canary.served, other.served] == before
            canary.breaks(broken=False)
            sites.retry(next(iter(told["deployments"])))
            sites.settle(order)
        after = [canary.served, other.served]

    assert load.failures == []
    assert set(before).isdisjoint(after)


SHORT = {"max_validity": 600, "backdate": 300, "renew_at_percent": 10}
"""Five minutes to live; due after 15 to 30 seconds."""


def test_the_scheduler_renews_by_itself_also_after_a_kill(backend, tmp_path):
    """Nobody asks: the backend orders the successor when it is due, killed meanwhile or not; all handshakes hold."""
    with LiveSites(backend, tmp_path, spec=SHORT) as sites:
        (site,) = sites.sites
        sites.settle(sites.order())
        first = site.served
        with sites.load() as load:
            sites.restart()
            eventually(lambda: site.work() == 0 and site.served != first, "a successor is served")
            second = site.served
        (former,) = sites.get("/certificates", fingerprint=first)["items"]
        (renewal,) = sites.get("/renewals", certificate=former["certificate_id"])["items"]

    assert load.failures == []
    assert set(load.served) <= {first, second}
    assert (former["state"], renewal["state"], renewal["cause"]) == ("superseded", "completed", "renewal")


AGENT_STEPS = ("key stored", "recorded", "planned", "written", "switched", "reload done", "proven", "journal cleared")


def test_killed_in_the_middle(backend, tmp_path):
    """Kill -9 of the agent at its worst moments and of the backend in between: renewed once each, none refused."""
    _killed(backend, tmp_path, ("key stored", "switched", "proven"))


@pytest.mark.full
@pytest.mark.timeout(900)
def test_killed_at_every_step(backend, tmp_path):
    """The same after each of the agent's steps."""
    _killed(backend, tmp_path, AGENT_STEPS)


def _killed(backend, folder, steps) -> None:
    with LiveSites(backend, folder) as sites:
        (site,) = sites.sites
        order = sites.order()
        sites.settle(order)
        issued = [site.served]
        with sites.load() as load:
            for number, step in enumerate(steps):
                certificate = sites.certificate(order, site)
                order = sites.renew(certificate)
                if number % 2:
                    sites.restart()
                assert any(site.work(at=step) == -signal.SIGKILL for _ in range(3)), step
                if not number % 2:
                    sites.restart()
                sites.settle(order)
                issued.append(site.served)
                assert sites.get(f"/certificates/{certificate}")["state"] == "superseded"

    assert load.failures == []
    assert len(set(issued)) == len(steps) + 1
    assert announced(backend) == len(steps) + 1


def announced(backend) -> int:
    """Count the certificates that were ever announced for orders."""
    backend.kill()
    with backend.ledger() as ledger:
        entries = ledger.entries(1, limit=500)
        events = [one for entry in entries for one in entry.events]
    return sum("issuance-started" in one.topic and b'"purpose":"order"' in one.state for one in events)

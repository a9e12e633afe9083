"""A replacement goes target by target: the first is the canary, a failure stops the rest, the newest wins."""

from __future__ import annotations

from datetime import timedelta

import pytest

from commands.certificates.report_key import ReportKey
from commands.hosts.retry_deployment import RetryDeployment
from domain.certificates.order import Order
from domain.errors import WrongState
from domain.hosts.targets import Window
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.renewals import WEB1, WEB2, WEB3, Renewed, spec
from tests.support.world import World, anna, the_agent

FLEET = (WEB1, WEB2, WEB3)
NIGHTS = (Window(days=("sat",), start=0, minutes=120),)


@pytest.fixture
def shop(world: World) -> Renewed:
    """A world whose certificates are renewed."""
    return Renewed(world)


def fleet_is_due(shop: Renewed) -> tuple[list[str], Order, list[str]]:
    """Return a fleet's certificates, the order that replaces them, and the new ones, all keys made."""
    old = shop.serving(*FLEET)
    order = shop.successor(min(old, key=lambda one: shop.renewal(one).life.due))
    return old, order, [shop.make_key(order, host) for host in FLEET]


def planned(shop: Renewed, new: list[str]) -> list[bool]:
    """Tell which of the fleet's new certificates are asked to be installed."""
    return [shop.is_planned(one, number) for number, one in enumerate(new)]


def test_certificates_of_one_order_are_renewed_together(shop: Renewed) -> None:
    """One order for the fleet, so that one host is the canary for all; the others are not due a second time."""
    old, order, _ = fleet_is_due(shop)

    assert set(order.replaces) == set(old)
    assert {shop.renewal(one).under_way for one in old} == {order.id}
    assert [shop.look(one) for one in old] == [[], [], []]


def test_the_next_target_follows_the_proven_one(shop: Renewed) -> None:
    """Canary first; each next target is planned in the entry that proves the former."""
    old, order, new = fleet_is_due(shop)
    assert planned(shop, new) == [True, False, False]
    shop.serve(new[0], 0)
    assert planned(shop, new) == [True, True, False]
    assert [shop.certificate(one).state for one in old] == ["superseded", "issued", "issued"]
    shop.serve(new[1], 1)
    shop.serve(new[2], 2)

    assert shop.load(Order, order.id).state == "fulfilled"
    assert {shop.renewal(one).state for one in old} == {"completed"}


def test_a_failing_canary_leaves_the_rest_untouched(shop: Renewed) -> None:
    """Nothing more is planned, the old certificates stay, and the failure is tried again later, not at once."""
    old, _, new = fleet_is_due(shop)
    shop.fail(new[0], 0)

    assert planned(shop, new) == [True, False, False]
    assert {shop.certificate(one).state for one in old} == {"issued"}
    canary = shop.renewal(old[0])
    assert (canary.state, canary.deployment_id) == ("failed", shop.deployment(new[0]).id)
    assert shop.look(old[0]) == []
    shop.until_due(old[0])
    assert (
        shop.look(old[0]) == ["renewal.started", "renewal.answered", "deployment.retried"]
        or sorted(shop.look(old[0])) == []
    )
    assert shop.deployment(new[0]).attempt == 2
    shop.serve(new[0], 0)
    assert planned(shop, new) == [True, True, False]


def test_a_person_may_retry_before_the_scheduler(shop: Renewed) -> None:
    """Their attempt counts; the scheduler does not repeat it."""
    old, _, new = fleet_is_due(shop)
    shop.fail(new[0], 0)
    shop.world.when(RetryDeployment(deployment_id=shop.deployment(new[0]).id), anna())

    assert shop.renewal(old[0]).state == "started"
    shop.world.pass_time(days=1)
    assert shop.look(old[0]) == []


def test_failures_in_a_row_wait_longer_and_stay_on_record(shop: Renewed) -> None:
    """Five failed attempts are five facts, further and further apart."""
    (first,) = shop.serving()
    second = shop.make_key(shop.successor(first))
    waits = []
    for attempt in range(1, 6):
        shop.fail(second)
        renewal = shop.renewal(first)
        assert renewal.attempt == attempt
        waits.append((renewal.next or shop.world.now) - shop.world.now)
        shop.until_due(first)
        shop.look(first)

    assert waits == sorted(waits)
    assert shop.deployment(second).attempt == 6


def test_a_host_that_is_away_does_not_stop_the_others_for_ever(shop: Renewed) -> None:
    """No key from the first host: the second is the canary. No answer to an installation: others go on when told."""
    old = shop.serving(*FLEET)
    order = shop.successor(min(old, key=lambda one: shop.renewal(one).life.due))
    second = shop.make_key(order, WEB2)
    assert shop.is_planned(second, 1)
    third = shop.make_key(order, WEB3)
    assert not shop.is_planned(third, 2)

    shop.world.now = shop.renewal(old[1]).life.escalates(1)
    assert "deployment.planned" in shop.look(old[1])
    assert shop.is_planned(third, 2)


def test_a_first_order_is_installed_everywhere_at_once(shop: Renewed) -> None:
    """Nothing serves there yet, so there is nothing to lose."""
    order = shop.order(*FLEET)
    new = [shop.make_key(order, host) for host in FLEET]

    assert planned(shop, new) == [True, True, True]


def test_several_targets_on_one_host(shop: Renewed) -> None:
    """The former certificate steps back when the last of the host's targets is proven."""
    (first,) = shop.serving(targets=(spec("/srv/tls/www"), spec("/srv/tls/api")))
    second = shop.make_key(shop.successor(first))
    shop.serve(second, 0)
    assert shop.certificate(first).state == "issued"
    shop.serve(second, 1)

    assert shop.certificate(first).state == "superseded"


def test_windows_count_until_the_end_is_near(shop: Renewed) -> None:
    """The plan says until when the target's windows are kept: the last level before the end of what serves there."""
    (first,) = shop.serving(targets=(spec(windows=NIGHTS),))
    assert shop.deployment(first).target.windows == NIGHTS
    second = shop.make_key(shop.successor(first))

    told = [one for one in shop.world.ledger.stream(shop.deployment(second).id) if "planned" in one.topic]
    assert b"windows_until" in told[0].state
    assert shop.renewal(first).life.escalates(3).isoformat()[:19].encode() in told[0].state


def test_a_host_away_for_two_renewals_gets_the_newest_only(shop: Renewed) -> None:
    """What was planned and never installed is overtaken by what replaces it, and the oldest steps back at the end."""
    (first,) = shop.serving()
    lost = shop.successor(first)
    second = shop.make_key(lost)  # the host goes away right after
    newest = shop.successor(second)

    assert shop.deployment(second).state == "overtaken"
    assert set(newest.replaces) == {second, first}
    assert shop.load(Order, lost.id).state == "abandoned"
    third = shop.make_key(newest)
    shop.serve(third)

    assert [shop.certificate(one).state for one in (first, second)] == ["superseded", "superseded"]
    assert [shop.renewal(one).state for one in (first, second)] == ["completed", "completed"]


def test_a_host_away_with_its_key_unmade_makes_one_key(shop: Renewed) -> None:
    """Two orders in its absence: only the newest takes a key."""
    (first,) = shop.serving()
    stale = shop.successor(first)
    shop.until_due(first)
    shop.look(first)
    newest = shop.successor(first)

    csr = pem_csr(make_csr(p256()))
    with pytest.raises(WrongState):
        shop.world.when(ReportKey(order_id=stale.id, host_id=WEB1, generation=1, csr=csr), the_agent(WEB1))
    assert shop.make_key(newest) != ""


def test_a_newer_plan_at_a_place_overtakes_an_older_one(shop: Renewed) -> None:
    """Also where somebody simply ordered again: the older installation is withdrawn."""
    older = shop.make_key(shop.order())
    shop.world.reading.planned[WEB1, "/srv/tls/www"] = [shop.deployment(older).id]
    newer = shop.make_key(shop.order())

    assert (shop.deployment(older).state, shop.deployment(newer).state) == ("overtaken", "planned")


@pytest.mark.parametrize("days", [1, -1, 400, -400])
def test_a_clock_that_jumps_makes_no_loop(shop: Renewed, days: int) -> None:
    """Each certificate is ordered at most once, and nothing is repeated while the clock stands still."""
    fleet = shop.serving(*FLEET)
    shop.world.pass_time(days=25)
    for one in fleet:
        shop.look(one)
    shop.world.pass_time(days=days)
    recorded = [shop.look(one) for one in fleet]
    again = [shop.look(one) for _ in range(5) for one in fleet]

    assert all(topics == [] for topics in again)
    assert sum("order.requested" in topics for topics in recorded) <= (1 if days > 0 else 0)
    assert shop.world.now - timedelta(days=days) > shop.renewal(fleet[0]).life.due

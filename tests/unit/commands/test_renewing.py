"""A certificate is renewed before it ends: decided again, with a new key, and never twice."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from commands.access.withdraw_grant import WithdrawGrant
from commands.certificates.approve import ApproveOrder
from commands.certificates.cancel import CancelOrder
from commands.certificates.reject import RejectOrder
from commands.certificates.request import RequestCertificate
from commands.certificates.revoke import RevokeCertificate
from commands.hosts.disable import DisableHost
from commands.profiles.define import DefineProfile
from commands.profiles.retire import RetireProfile
from domain.certificates.order import Order
from domain.errors import WrongState
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.renewals import WEB1, Renewed
from tests.support.world import SHOP, WEB, World, anna, olga, omar, web_spec

DAY = 86_400
ORDERED = ["renewal.started", "order.requested", "order.replacement-intended", "order.approved"]


@pytest.fixture
def shop(world: World) -> Renewed:
    """A world whose certificates are renewed."""
    return Renewed(world)


def test_nothing_happens_before_its_time(shop: Renewed) -> None:
    """A look before the renewal is due records nothing, however often it is taken."""
    (first,) = shop.serving()
    shop.world.pass_time(days=15)

    assert [shop.look(first), shop.look(first)] == [[], []]


def test_a_due_certificate_gets_an_order_of_its_own(shop: Renewed) -> None:
    """Same names, same places, same owner and requester; approved by policy, and staged."""
    (first,) = shop.serving()
    former = shop.load(Order, shop.certificate(first).order_id or "")
    shop.until_due(first)

    assert shop.look(first) == ORDERED
    order = shop.load(Order, shop.renewal(first).under_way or "")
    same = ("team_id", "profile_id", "requester", "subject", "targets")
    assert [getattr(order, name) for name in same] == [getattr(former, name) for name in same]
    assert (order.state, order.replaces, order.cause) == ("approved", (first,), "renewal")


def test_a_second_look_orders_nothing(shop: Renewed) -> None:
    """One successor is on its way: neither the scheduler nor a person gets a second one."""
    (first,) = shop.serving()
    shop.successor(first)

    assert shop.look(first) == []
    with pytest.raises(WrongState, match="on its way"):
        shop.ask(first)


def test_from_due_to_superseded(shop: Renewed) -> None:
    """The new key is certified, installed and proven; only then does the former certificate step back."""
    (first,) = shop.serving()
    order = shop.successor(first)
    second = shop.make_key(order)
    assert shop.certificate(first).state == "issued"
    before = shop.world.head()
    shop.serve(second)

    ended = ["deployment.served", "order.target-served", "order.fulfilled", "certificate.superseded"]
    assert shop.world.then(before) == [*ended, "renewal.completed"]
    assert (shop.renewal(first).state, shop.renewal(second).state) == ("completed", "planned")
    assert shop.certificate(first).superseded_by == second


def test_a_year_of_renewals(shop: Renewed) -> None:
    """A certificate of 30 days is renewed 18 times in a year, each time once, and never ends unrenewed."""
    (serving,) = shop.serving()
    end, count = shop.world.now + timedelta(days=365), 0
    while shop.world.now < end:
        shop.world.pass_time(hours=12)
        shop.look(serving)
        if order_id := shop.renewal(serving).under_way:
            successor = shop.make_key(shop.load(Order, order_id))
            shop.serve(successor)
            assert shop.certificate(serving).not_after > shop.world.now
            serving, count = successor, count + 1

    assert count in {18, 19}


def test_the_former_key_is_refused(shop: Renewed) -> None:
    """A successor is for a new key: the host is asked for another one."""
    key = ec.generate_private_key(ec.SECP256R1())
    order = shop.order()
    first = shop.make_key(order, key=key)
    shop.serve(first)
    renewal = shop.successor(first)

    assert shop.make_key(renewal, key=key) == ""
    assert shop.load(Order, renewal.id).generation(WEB1) == 2
    assert shop.make_key(renewal) != ""


def test_it_is_judged_by_the_profile_of_today(shop: Renewed) -> None:
    """A shorter maximum shortens the successor; a profile that does not know the name any more refuses it."""
    (first,) = shop.serving()
    shop.world.when(DefineProfile(spec=web_spec(max_validity=10 * DAY)), olga())
    order = shop.successor(first)
    assert (order.state, order.subject.validity, order.profile_version) == ("approved", 10 * DAY, 2)

    second = shop.make_key(order)
    shop.world.when(DefineProfile(spec=web_spec(allowed_names=("api.shop.test",))), olga())
    shop.until_due(second)
    assert shop.look(second) == ["renewal.failed"]
    assert shop.renewal(second).state == "failed"


def test_a_refused_renewal_is_tried_again_later_and_later(shop: Renewed) -> None:
    """Every attempt is on record; between two of them nothing is done, and the waits grow to a day."""
    (first,) = shop.serving()
    shop.world.when(RetireProfile(profile_id=WEB), olga())
    waits = []
    for attempt in range(1, 9):
        shop.until_due(first)
        assert "renewal.failed" in shop.look(first)
        assert shop.look(first) == []
        renewal = shop.renewal(first)
        assert (renewal.attempt, renewal.next is not None) == (attempt, True)
        waits.append((renewal.next or shop.world.now) - shop.world.now)

    assert waits[0] < timedelta(hours=2)
    assert timedelta(hours=20) < waits[-1] <= timedelta(days=1.25)


def test_without_anybody_who_may_request_a_person_decides(shop: Renewed) -> None:
    """The owner's grant was withdrawn: the order waits, and goes on once somebody has approved it."""
    (first,) = shop.serving()
    shop.world.when(WithdrawGrant(grant_id=shop.grant.id), olga())
    order = shop.successor(first)
    assert (order.state, order.waived_rules) == ("waiting", ("owner-without-grant",))
    assert shop.renewal(first).state == "waiting"

    before = shop.world.head()
    shop.world.when(ApproveOrder(order_id=order.id, request_sha256=order.request_sha256), olga())
    assert shop.world.then(before) == ["order.approval-given", "order.approved", "renewal.started"]
    assert shop.renewal(first).attempt == 1


@pytest.mark.parametrize("end", ["reject", "cancel"])
def test_a_no_ends_the_attempts_but_not_the_warnings(shop: Renewed, end: str) -> None:
    """Somebody said no: nothing more is ordered, until somebody asks; that the end comes near is told all the same."""
    (first,) = shop.serving()
    shop.world.when(WithdrawGrant(grant_id=shop.grant.id), olga())
    order = shop.successor(first)
    no = RejectOrder(order_id=order.id) if end == "reject" else CancelOrder(order_id=order.id)
    shop.world.when(no, olga(reason="not wanted") if end == "reject" else anna())
    assert (shop.renewal(first).state, shop.renewal(first).next) == ("failed", None)
    shop.world.now = shop.renewal(first).life.escalates(1)

    assert shop.look(first) == ["renewal.escalated"]
    assert shop.ask(first).state == "waiting"


def test_a_no_to_an_early_wish_leaves_the_regular_time(shop: Renewed) -> None:
    """Whoever asked too early was refused; the certificate is renewed when its own time comes."""
    (first,) = shop.serving()
    shop.world.when(DefineProfile(spec=web_spec(approval="manual")), omar())
    early = shop.ask(first)
    shop.world.when(RejectOrder(order_id=early.id), olga(reason="too early"))

    assert shop.renewal(first).next == shop.renewal(first).life.due


def test_a_brought_key_is_watched_and_not_renewed(shop: Renewed) -> None:
    """Who made the key makes the next one: nothing is ordered, and its owner is told when no successor comes."""
    outcome = shop.world.when(wish(), anna())
    mine = outcome.id_of("certificate") or ""
    with pytest.raises(WrongState, match="made elsewhere"):
        shop.ask(mine)
    shop.world.pass_time(days=29)

    assert shop.look(mine) == ["renewal.watched", "renewal.escalated"]
    shop.world.reading.successors[mine] = "certificate-2"
    assert shop.look(mine) == ["renewal.completed"]


def test_levels_are_told_once_each(shop: Renewed) -> None:
    """1, 2, 3 on the way to the end, 4 at the end; a failing renewal tells each of them once."""
    (first,) = shop.serving()
    shop.world.when(RetireProfile(profile_id=WEB), olga())
    life = shop.renewal(first).life
    told = []
    for level in (1, 2, 3, 4):
        shop.world.now = life.escalates(level)
        told += [topic for _ in range(3) for topic in shop.look(first) if topic == "renewal.escalated"]

    assert (len(told), shop.renewal(first).level) == (4, 4)


def test_after_its_end_it_is_still_renewed(shop: Renewed) -> None:
    """A host that comes back after the end gets its certificate: expiry is no reason to stop trying."""
    (first,) = shop.serving()
    shop.world.pass_time(days=40)

    assert sorted(shop.look(first)) == sorted([*ORDERED, "renewal.escalated"])


def test_a_revoked_certificate_needs_no_successor(shop: Renewed) -> None:
    """Revoked for good: its renewal ends with it, and nothing is due any more."""
    (first,) = shop.serving()
    before = shop.world.head()
    shop.world.when(RevokeCertificate(certificate_id=first), anna())

    assert "renewal.ended" in shop.world.then(before)
    assert shop.renewal(first).next is None
    assert shop.look(first) == []


def test_a_disabled_host_gets_nothing(shop: Renewed) -> None:
    """Its agent is refused: the renewal fails by that rule, and somebody is told in time."""
    (first,) = shop.serving()
    shop.world.when(DisableHost(host_id=WEB1), anna())
    shop.until_due(first)

    assert shop.look(first) == ["renewal.failed"]


def test_an_order_that_no_host_answers_is_made_again(shop: Renewed) -> None:
    """The approval runs out after seven days: the old order ends, a new one is judged afresh, and only that is open."""
    (first,) = shop.serving()
    stale = shop.successor(first)
    shop.until_due(first)
    assert "order.abandoned" in shop.look(first)
    shop.until_due(first)
    assert shop.look(first)[:4] == ORDERED

    assert shop.load(Order, stale.id).state == "abandoned"
    assert shop.renewal(first).under_way not in {None, stale.id}


def wish() -> RequestCertificate:
    """Return a request with a key of its own."""
    csr = pem_csr(make_csr(p256()))
    return RequestCertificate(team_id=SHOP, profile_id=WEB, csr=csr, dns_names=("ci.shop.test",))

"""What bounds a renewal: the issuer's end, other teams, dates, and what cannot be renewed at all."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from commands.certificates.keep_renewed import keep_renewed
from commands.certificates.renew import RenewCertificate
from commands.certificates.request import RequestCertificate
from commands.ports.reading import DueRenewal
from commands.profiles.define import DefineProfile
from commands.profiles.retire import RetireProfile
from domain.certificates.order import Order
from domain.errors import NotFound, PolicyRefused
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.renewals import Renewed
from tests.support.world import SHOP, WEB, World, anna, ben, olga, web_spec

DAY = 86_400
ORDERED = ["renewal.started", "order.requested", "order.replacement-intended", "order.approved"]


@pytest.fixture
def shop(world: World) -> Renewed:
    """A world whose certificates are renewed."""
    return Renewed(world)


def test_an_issuer_that_ends_raises_one_alarm_and_no_loop(shop: Renewed) -> None:
    """One shortened successor at most; after that the attempts fail by the rule, and the alarm is told once."""
    (first,) = shop.serving()
    shop.world.reading.ends = shop.certificate(first).not_after + timedelta(days=5)
    shop.until_due(first)
    assert sorted(shop.look(first)) == sorted([*ORDERED, "issuer.rollover-due"])
    second = shop.make_key(shop.load(Order, shop.renewal(first).under_way or ""))
    shop.serve(second)
    assert shop.certificate(second).not_after == shop.world.reading.ends

    for _ in range(5):
        shop.until_due(second)
        assert [topic for topic in shop.look(second) if "renewal" not in topic] == []
    assert (shop.renewal(second).state, shop.renewal(second).attempt) == ("failed", 5)


def test_another_teams_certificate_is_out_of_reach(shop: Renewed) -> None:
    """Renewing somebody else's certificate answers as if there were none, and leaves a refusal."""
    (first,) = shop.serving()
    before = shop.world.head()
    with pytest.raises(NotFound):
        shop.world.when(RenewCertificate(certificate_id=first), ben())

    assert shop.world.then(before) == ["access.refused"]


def test_a_person_is_told_why_not(shop: Renewed) -> None:
    """A refusal reaches whoever asks, and changes nothing."""
    (first,) = shop.serving()
    shop.world.when(RetireProfile(profile_id=WEB), olga())
    with pytest.raises(PolicyRefused, match="retired"):
        shop.ask(first)

    assert shop.renewal(first).state == "planned"


def test_a_certificate_that_is_dated_back_is_not_due_at_once(shop: Renewed) -> None:
    """Its life counts from its issuance; else every successor would be due at once, for ever."""
    shop.world.when(DefineProfile(spec=web_spec(backdate=DAY, max_validity=DAY + 3_600)), olga())
    (first,) = shop.serving()

    assert shop.look(first) == []
    assert shop.renewal(first).life.due > shop.world.now + timedelta(minutes=30)


async def test_one_that_cannot_be_advanced_keeps_nobody_waiting(world: World) -> None:
    """The others are advanced, then the problem is told: it reaches the log and the figures."""
    shop = Renewed(world)
    order = await shop.world.bus.execute(wish(), anna())
    world.reading.due = [DueRenewal("certificate-gone", 1), DueRenewal(order.id_of("certificate") or "", 2)]
    world.pass_time(days=29)
    before = world.head()
    with pytest.raises(NotFound):
        await keep_renewed(world.bus, world.reading, asyncio.sleep)

    assert world.then(before) == ["renewal.watched", "renewal.escalated"]


def wish() -> RequestCertificate:
    """Return a request with a key of its own."""
    csr = pem_csr(make_csr(p256()))
    return RequestCertificate(team_id=SHOP, profile_id=WEB, csr=csr, dns_names=("ci.shop.test",))

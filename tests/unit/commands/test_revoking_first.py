"""Replace first, then revoke: when the replacement serves, at the deadline regardless, called off where allowed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from commands.certificates.call_off_revocation import CallOffRevocation
from commands.certificates.carry_out_revocations import carry_out_revocations
from commands.certificates.revoke import RevokeCertificate
from commands.ports.reading import DueRevocation
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.errors import InvalidInput, NotFound, PolicyRefused, WrongState
from tests.support.deployed import Deployed, deployed
from tests.support.world import World, anna, ben, olga, system


@pytest.fixture
def site(world: World) -> Deployed:
    """A certificate of team shop that is served on a host."""
    return deployed(world)


def first(site: Deployed, reason: str = "superseded", **told: object) -> RevokeCertificate:
    """Return the command that replaces first."""
    command = {"certificate_id": site.certificate_id, "revocation_reason": reason, "replace": "first", **told}
    return RevokeCertificate.model_validate(command)


def order_of(world: World, site: Deployed) -> Order:
    """Return the order that the plan waits for."""
    plan = certificate_of(world, site).planned
    assert plan is not None
    return Work(world.bus.services, system()).load(Order, plan.order_id or "")


def certificate_of(world: World, site: Deployed) -> Certificate:
    """Return the certificate as it is now."""
    return Work(world.bus.services, system()).load(Certificate, site.certificate_id)


def react(world: World, site: Deployed) -> None:
    """Let the reaction look at the certificate."""
    world.reading.due_revocations = [DueRevocation(site.certificate_id, 1)]
    asyncio.run(carry_out_revocations(world.bus, world.reading))


def test_the_replacement_is_ordered_and_the_revocation_planned(world: World, site: Deployed) -> None:
    """One entry: a new order for the same place with a new key, and the plan that names it."""
    before = world.head()
    world.when(first(site), anna())

    assert {
        "order.requested",
        "order.replacement-intended",
        "order.approved",
        "renewal.started",
        "certificate.revocation-planned",
    } == set(world.then(before))
    assert certificate_of(world, site).state == "issued"


@pytest.mark.parametrize(("reason", "most"), [("keyCompromise", 24), ("superseded", 120)])
def test_the_deadline_is_bounded_by_the_reason(world: World, site: Deployed, reason: str, most: int) -> None:
    """A compromised key has 24 hours, the rest five days; sooner may be asked for, later not."""
    with pytest.raises(InvalidInput) as refusal:
        world.when(first(site, reason, within=most * 3_600 + 1), anna())
    assert refusal.value.rule == "revocation-deadline"
    world.when(first(site, reason), anna())

    plan = certificate_of(world, site).planned
    assert plan is not None
    assert plan.at_latest == world.now + timedelta(hours=most)


def test_nothing_happens_before_its_time(world: World, site: Deployed) -> None:
    """A reaction that comes too early records nothing, and does not use its key up."""
    world.when(first(site), anna())
    before = world.head()
    react(world, site)

    assert world.then(before) == []


def test_the_served_replacement_revokes_at_once(world: World, site: Deployed) -> None:
    """When the order is fulfilled the former certificate is revoked, once, whoever looks how often."""
    world.when(first(site, "keyCompromise"), anna())
    site.serve(order_of(world, site).id)
    before = world.head()
    for _ in range(2):
        react(world, site)

    assert world.then(before) == ["certificate.revoked"]
    assert certificate_of(world, site).revoked_for == "keyCompromise"


def test_the_deadline_revokes_regardless(world: World, site: Deployed) -> None:
    """No replacement came: revoked all the same, and what still serves is not taken down unless that was asked for."""
    world.when(first(site, "keyCompromise"), anna())
    world.pass_time(hours=24)
    before = world.head()
    react(world, site)

    assert world.then(before) == ["certificate.revoked"]


def test_a_plan_may_say_that_the_site_goes_too(world: World, site: Deployed) -> None:
    """With remove the deadline takes the certificate out of service as well."""
    world.when(first(site, remove=True), anna())
    world.pass_time(days=5)
    before = world.head()
    react(world, site)

    assert world.then(before) == ["certificate.revoked", "deployment.removal-planned"]


def test_a_plan_is_called_off(world: World, site: Deployed) -> None:
    """The team or SEC_OPS calls it off; then nothing comes any more."""
    world.when(first(site), anna())
    world.when(CallOffRevocation(certificate_id=site.certificate_id), olga())
    world.pass_time(days=6)
    before = world.head()
    react(world, site)

    assert world.then(before) == []


def test_a_compromised_key_is_not_called_off(world: World, site: Deployed) -> None:
    """Nobody calls that off, and no milder plan takes its place."""
    world.when(first(site, "keyCompromise"), anna())
    with pytest.raises(WrongState, match="compromised"):
        world.when(CallOffRevocation(certificate_id=site.certificate_id), olga())
    with pytest.raises(WrongState, match="planned"):
        world.when(first(site, "superseded", within=3_600), anna())


def test_a_graver_plan_takes_the_place_of_a_milder_one(world: World, site: Deployed) -> None:
    """What was to go within days goes within a day once its key is known to be compromised."""
    world.when(first(site), anna())
    world.when(first(site, "keyCompromise"), anna())

    plan = certificate_of(world, site).planned
    assert plan is not None
    assert (plan.reason, plan.at_latest) == ("keyCompromise", world.now + timedelta(hours=24))


def test_what_is_planned_may_be_revoked_now(world: World, site: Deployed) -> None:
    """Nobody has to wait for a replacement; the plan is over with it."""
    world.when(first(site), anna())
    world.when(RevokeCertificate(certificate_id=site.certificate_id), anna())

    assert certificate_of(world, site).planned is None


def test_another_team_plans_and_calls_off_nothing(world: World, site: Deployed) -> None:
    """For another team the certificate is not there."""
    with pytest.raises(NotFound):
        world.when(first(site), ben())
    world.when(first(site), anna())
    with pytest.raises(NotFound):
        world.when(CallOffRevocation(certificate_id=site.certificate_id), ben())


def test_a_replacement_that_policy_refuses_plans_nothing(world: World, site: Deployed) -> None:
    """The names are not allowed any more: the caller is told so, and may revoke without a replacement."""
    site.forbid_names()
    before = world.head()
    with pytest.raises(PolicyRefused):
        world.when(first(site), anna())

    assert world.then(before) == ["access.refused"]


def test_a_moment_without_a_replacement_is_refused(world: World, site: Deployed) -> None:
    """Revoking now has no deadline to name."""
    with pytest.raises(InvalidInput, match="now"):
        world.when(RevokeCertificate(certificate_id=site.certificate_id, within=60), anna())


def test_what_expires_before_its_deadline_is_called_off(world: World, site: Deployed) -> None:
    """An expired certificate is not revoked any more: the plan ends, on the record."""
    world.pass_time(days=28)
    world.when(first(site, "keyCompromise"), anna())
    world.pass_time(days=3)
    before = world.head()
    react(world, site)

    assert world.then(before) == ["certificate.revocation-called-off"]

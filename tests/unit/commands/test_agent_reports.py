"""What agents report of keys and installations, and what follows."""

from __future__ import annotations

import pytest

from commands.certificates.recover import recover_issuances
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.hosts.retry_deployment import RetryDeployment
from commands.ports.reading import StartedIssuance
from domain.certificates.order import GENERATIONS_AT_MOST, Order
from domain.errors import InvalidInput, NotFound, WrongState
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host
from tests.support.web1 import WEB1, csr, key_reported, load, ordered, served
from tests.support.world import SHOP, WEB, World, anna, the_agent


def test_a_key_is_certified_and_its_deployment_planned(world: World) -> None:
    """From the agent's CSR to the plan, in two entries."""
    order_id = ordered(world)
    before = world.head()
    key_reported(world, order_id)

    announced = ["order.key-accepted", "key.introduced", "certificate.issuance-started"]
    assert world.then(before) == [*announced, "certificate.issued", "deployment.planned", "renewal.planned"]


def test_a_key_for_other_names_is_refused_and_asked_for_again(world: World) -> None:
    """A CSR that names more than was approved is refused on the record, up to a limit."""
    order_id = ordered(world)
    for generation in range(1, GENERATIONS_AT_MOST + 1):
        before = world.head()
        key_reported(world, order_id, generation, csr(None, "www.shop.test", "evil.test"))
        assert world.then(before)[0] == "order.key-refused"

    assert load(world, Order, order_id).state == "abandoned"


def test_an_agent_reports_for_its_own_host_only(world: World) -> None:
    """Another host's agent finds no such task."""
    order_id = ordered(world)
    with pytest.raises(NotFound):
        world.when(
            ReportKey(order_id=order_id, host_id=WEB1, generation=1, csr=csr()), the_agent(Host.id_for("db1.pay.test"))
        )


def test_proof_of_serving_ends_the_order_and_supersedes_the_former_certificate(world: World) -> None:
    """Only when the target is proven does the former certificate step back."""
    first = ordered(world)
    deployment = key_reported(world, first)
    world.when(served(world, deployment), the_agent(WEB1))
    former = load(world, Order, first).accepted[WEB1]
    world.reading.served[WEB1, "/srv/tls/www"] = [former]
    second = key_reported(world, ordered(world))
    before = world.head()
    world.when(served(world, second), the_agent(WEB1))

    ended = ["deployment.served", "order.target-served", "order.fulfilled", "certificate.superseded"]
    assert world.then(before) == [*ended, "renewal.completed"]


def test_a_certificate_that_still_serves_elsewhere_stays(world: World) -> None:
    """It is superseded when another one serves on *every* target where it did, not on the first of them."""
    first = ordered(world)
    world.when(served(world, key_reported(world, first)), the_agent(WEB1))
    former = load(world, Order, first).accepted[WEB1]
    world.reading.served = {(WEB1, "/srv/tls/www"): [former], (WEB1, "/srv/tls/api"): [former]}
    second = key_reported(world, ordered(world))
    before = world.head()
    world.when(served(world, second), the_agent(WEB1))

    assert world.then(before) == ["deployment.served", "order.target-served", "order.fulfilled"]


def test_evidence_of_another_certificate_proves_nothing(world: World) -> None:
    """What was served must be what was issued, on every endpoint."""
    deployment = key_reported(world, ordered(world))
    with pytest.raises(InvalidInput, match="does not show this certificate"):
        world.when(served(world, deployment, sha256="0" * 64), the_agent(WEB1))
    with pytest.raises(InvalidInput, match="does not show this certificate"):
        world.when(served(world, deployment, evidence=()), the_agent(WEB1))


def test_a_failed_deployment_is_retried_as_another_task(world: World) -> None:
    """A retry has a task id of its own, so that a late report of the first attempt changes nothing."""
    deployment = key_reported(world, ordered(world))
    late = served(world, deployment)
    failed = {"stage": "reload", "detail": "nginx -t", "rolled_back": True, "evidence": ()}
    world.when(served(world, deployment, **failed), the_agent(WEB1))
    world.when(RetryDeployment(deployment_id=deployment), anna())

    with pytest.raises(WrongState, match="another attempt"):
        world.when(late, the_agent(WEB1))
    world.when(served(world, deployment), the_agent(WEB1))
    assert load(world, Deployment, deployment).state == "served"


async def test_recovery_ends_what_a_crash_left_open(world: World) -> None:
    """An issuance without an end is failed, its serial revoked, its order open again; twice is as good as once."""
    world.issuers.broken = KeyboardInterrupt()
    command = RequestCertificate(team_id=SHOP, profile_id=WEB, csr=csr(None, "www.shop.test"))
    with pytest.raises(KeyboardInterrupt):
        await world.bus.execute(command, anna())
    started = next(one for one in world.ledger.entries(1)[-1].events if "issuance-started" in one.topic)
    world.reading.started.append(StartedIssuance(started.stream_id, started.position))
    for _ in range(2):
        await recover_issuances(world.bus, world.reading, head=world.head())

    assert world.then(started.position)[-3:] == [
        "certificate.issuance-failed",
        "certificate.revoked",
        "order.issuance-reopened",
    ]

"""What changes between a decision and its execution: profiles, hosts, time."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from commands.certificates.approve import ApproveOrder
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.hosts.disable import DisableHost
from commands.profiles.define import DefineProfile
from commands.profiles.retire import RetireProfile
from commands.work import Work
from domain.certificates.order import Order
from domain.certificates.wish import Target
from domain.errors import PolicyRefused, WrongState
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.csrs import make_csr, p256
from tests.support.world import SHOP, WEB, World, anna, furnish, olga, the_agent, web_spec

WEB1 = Host.id_for("web1.shop.test")
CSR = x509.load_der_x509_csr(make_csr(p256(), x509.DNSName("www.shop.test"))).public_bytes(Encoding.PEM).decode()
SPEC = TargetSpec(
    directory="/srv/tls/www", endpoints=(Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test"),)
)


@pytest.fixture
def world(tmp_path):
    """A furnished installation whose profile waits for a person."""
    made = World(tmp_path)
    furnish(made, web_spec(approval="manual"))
    yield made
    made.ledger.close()


def asked(world: World, **told: object) -> Order:
    """Request a certificate; returns its waiting order."""
    command = RequestCertificate.model_validate({"team_id": SHOP, "profile_id": WEB, **told})
    return order(world, world.when(command, anna()).id_of("order"))


def on_host() -> dict[str, object]:
    """Return the members of a request for web1."""
    return {"dns_names": ("www.shop.test",), "targets": (Target(host_id=WEB1, spec=SPEC),)}


def order(world: World, order_id: str | None) -> Order:
    """Load an order."""
    assert order_id is not None
    return Work(world.bus.services, anna()).load(Order, order_id)


def approve(waiting: Order) -> ApproveOrder:
    """Return the approval of a waiting order."""
    return ApproveOrder(order_id=waiting.id, request_sha256=waiting.request_sha256)


def key_of(waiting: Order, generation: int = 1) -> ReportKey:
    """Return what web1 reports of its key."""
    return ReportKey(order_id=waiting.id, host_id=WEB1, generation=generation, csr=CSR)


WIDER = web_spec(approval="manual", approvals=3, extended_key_usages=("serverAuth", "clientAuth"))


def test_one_approval_of_a_former_profile_issues_nothing(world):
    """The profile's next version wants three people and gives clientAuth: one approval of the former is not enough."""
    waiting = asked(world, csr=CSR)
    world.when(DefineProfile(spec=WIDER), olga())
    before = world.head()

    with pytest.raises(PolicyRefused) as refused:
        world.when(approve(waiting), olga())

    assert "profile-revised" == refused.value.rule
    assert "waiting" == order(world, waiting.id).state
    assert ["access.refused"] == world.then(before)


def test_a_profile_revised_after_the_approval_gives_no_other_certificate(world):
    """What people approved is not issued by a version of the profile that they have not seen."""
    waiting = asked(world, **on_host())
    world.when(approve(waiting), olga())
    world.when(DefineProfile(spec=WIDER), olga())
    before = world.head()

    world.when(key_of(waiting), the_agent(WEB1))

    assert ["order.key-refused"] == world.then(before)


def test_keys_for_a_retired_profile_come_to_an_end(world):
    """The host is not asked for ever: each key is refused on the record until the order is abandoned."""
    waiting = asked(world, **on_host())
    world.when(approve(waiting), olga())
    world.when(RetireProfile(profile_id=WEB), olga())

    for generation in range(1, 6):
        world.when(key_of(waiting, generation), the_agent(WEB1))

    assert "abandoned" == order(world, waiting.id).state


def test_an_expired_approval_ends_the_order(world):
    """A key that comes too late is not certified, and the host is not asked for it again."""
    waiting = asked(world, **on_host())
    world.when(approve(waiting), olga())
    world.pass_time(days=8)
    before = world.head()

    world.when(key_of(waiting), the_agent(WEB1))

    assert ["order.abandoned"] == world.then(before)


def test_a_host_that_was_disabled_meanwhile_gets_no_certificate(world):
    """A report that was on its way when the host was disabled is refused."""
    waiting = asked(world, **on_host())
    world.when(approve(waiting), olga())
    world.when(DisableHost(host_id=WEB1), anna())
    before = world.head()

    with pytest.raises(WrongState):
        world.when(key_of(waiting), the_agent(WEB1))

    assert [] == world.then(before)

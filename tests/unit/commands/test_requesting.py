"""Requesting a certificate: policy approves, people decide, rights refuse."""

from __future__ import annotations

import json

import pytest
from cryptography import x509

from commands.base import Outcome
from commands.certificates.approve import ApproveOrder
from commands.certificates.cancel import CancelOrder
from commands.certificates.reject import RejectOrder
from commands.certificates.request import RequestCertificate
from commands.certificates.resume import ResumeOrder
from commands.context import Held, Role
from commands.profiles.define import DefineProfile
from commands.work import Work
from domain.certificates.order import Order
from domain.certificates.wish import Target
from domain.errors import Denied, IdempotencyMismatch, InvalidInput, NotFound, PolicyRefused, Unavailable, WrongState
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.world import PAY, SHOP, WEB, World, anna, ben, issued_der, olga, omar, web_spec, who

PEM = pem_csr(make_csr(p256(), x509.DNSName("www.shop.test")))
DAY = 86_400
SPEC = TargetSpec(
    directory="/srv/tls/www", endpoints=(Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test"),)
)


def brought(**changes: object) -> RequestCertificate:
    """A pipeline's request with its own CSR."""
    return RequestCertificate.model_validate({"team_id": SHOP, "profile_id": WEB, "csr": PEM, **changes})


def on_host(host: str, **changes: object) -> RequestCertificate:
    """A request for a target on a host."""
    target = Target(host_id=Host.id_for(host), spec=SPEC)
    told = {"team_id": SHOP, "profile_id": WEB, "dns_names": ("www.shop.test",), "targets": (target,)}
    return RequestCertificate.model_validate({**told, **changes})


def order_id(outcome: Outcome) -> str:
    """Return the order that a call made."""
    found = outcome.id_of("order")
    assert found is not None
    return found


def order_of(world: World, outcome: Outcome) -> Order:
    """Load the order of an outcome."""
    return load_order(world, order_id(outcome))


def load_order(world: World, stream_id: str) -> Order:
    """Load an order as the ledger has it."""
    return Work(world.bus.services, anna()).load(Order, stream_id)


def test_inside_the_profile_a_brought_key_is_certified_in_one_call(world: World) -> None:
    """Policy approves, the issuance is announced in the first entry, and ended in the second."""
    before = world.head()
    outcome = world.when(brought(), anna())

    first = [
        "order.requested",
        "order.approved",
        "order.key-accepted",
        "key.introduced",
        "certificate.issuance-started",
    ]
    assert world.then(before) == [*first, "certificate.issued", "order.fulfilled"]
    assert len(outcome.entries) == 2
    assert issued_der(outcome).startswith(b"signed:")


def test_nothing_but_the_key_comes_from_the_csr(world: World) -> None:
    """The certificate says what the order says, also where the CSR is silent."""
    outcome = world.when(brought(csr=pem_csr(make_csr(p256())), dns_names=("api.shop.test",)), anna())

    assert b"api.shop.test" in issued_der(outcome)


def test_a_longer_validity_waits_for_a_person(world: World) -> None:
    """Between the maximum and the hard maximum nothing is issued until somebody else approves."""
    before = world.head()
    outcome = world.when(brought(validity=60 * DAY), anna())

    assert world.then(before) == ["order.requested"]
    assert order_of(world, outcome).waived_rules == ("validity-maximum",)


def test_the_requester_cannot_approve(world: World) -> None:
    """Four eyes: a requester who is in SEC_OPS, too, is refused, and the refusal is on record."""
    outcome = world.when(brought(validity=60 * DAY), anna())
    order = order_of(world, outcome)
    me = olga()
    mine = world.when(brought(validity=60 * DAY), me)
    before = world.head()

    with pytest.raises(Denied, match="own request"):
        world.when(ApproveOrder(order_id=order_id(mine), request_sha256=order_of(world, mine).request_sha256), me)

    assert order.state == "waiting"
    assert world.then(before) == ["access.refused"]


def test_an_approval_is_bound_to_what_was_seen(world: World) -> None:
    """The hash of another request approves nothing."""
    outcome = world.when(brought(validity=60 * DAY), anna())

    with pytest.raises(WrongState, match="not the one that was looked at"):
        world.when(ApproveOrder(order_id=order_id(outcome), request_sha256="0" * 64), olga())


def test_an_approved_brought_key_is_certified_at_once(world: World) -> None:
    """The approver's call ends with the certificate."""
    outcome = world.when(brought(validity=60 * DAY), anna())
    order = order_of(world, outcome)
    before = world.head()
    world.when(ApproveOrder(order_id=order.id, request_sha256=order.request_sha256), olga())

    decided = [
        "order.approval-given",
        "order.approved",
        "order.key-accepted",
        "key.introduced",
        "certificate.issuance-started",
    ]
    assert world.then(before) == [*decided, "certificate.issued", "order.fulfilled"]


def test_a_rejection_needs_a_reason(world: World) -> None:
    """The reason is asked for, and is kept in the erasable details, not in the event."""
    waiting = order_id(world.when(brought(validity=60 * DAY), anna()))
    with pytest.raises(InvalidInput, match="needs a reason"):
        world.when(RejectOrder(order_id=waiting), olga())

    entry = world.when(RejectOrder(order_id=waiting), olga(reason="too long")).entries[0]
    assert json.loads((entry.details or b"")[16:])["reason"] == "too long"
    assert b"too long" not in entry.events[0].state + entry.metadata


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"dns_names": ("www.evil.test",), "csr": None}, "names-inside-profile"),
        ({"validity": 91 * DAY}, "validity-hard-maximum"),
        ({"dns_names": ("*.shop.test",), "csr": None}, "wildcard-allowed"),
    ],
)
def test_what_no_person_may_waive_is_refused_and_recorded(world: World, changes: dict, rule: str) -> None:
    """An absolute rule refuses whoever asks; the refusal is an event with the rule."""
    command = (
        brought(**changes) if changes.get("csr", PEM) else on_host("web1.shop.test", dns_names=changes["dns_names"])
    )
    before = world.head()
    with pytest.raises(PolicyRefused) as refused:
        world.when(command, anna())

    assert refused.value.rule == rule
    assert world.then(before) == ["access.refused"]


def test_another_teams_host_is_refused_and_recorded(world: World) -> None:
    """A target on a foreign host answers as if there were no such host, and the attempt is in the ledger."""
    before = world.head()
    with pytest.raises(NotFound):
        world.when(on_host("db1.pay.test"), anna())

    assert world.then(before) == ["access.refused"]


def test_another_teams_order_does_not_exist(world: World) -> None:
    """Acting for a team one is not in answers as if there were nothing there."""
    before = world.head()
    with pytest.raises(NotFound):
        world.when(brought(), ben())

    assert world.then(before) == ["access.refused"]
    assert PAY != SHOP


def test_a_repeated_call_answers_from_its_entries(world: World) -> None:
    """The same key and body give the same entries, and nothing is stored twice."""
    first = world.when(brought(), anna(key="k-1"))
    before = world.head()
    again = world.when(brought(), anna(key="k-1"))

    assert again.replayed
    assert [one.entry_hash for one in again.entries] == [one.entry_hash for one in first.entries]
    assert world.head() == before


def test_a_reused_key_with_another_body_is_refused(world: World) -> None:
    """An idempotency key speaks for one request only."""
    world.when(brought(), anna(key="k-1"))
    with pytest.raises(IdempotencyMismatch):
        world.when(brought(validity=DAY), anna(key="k-1"))


def test_a_key_that_does_not_answer_fails_the_issuance_and_revokes_its_serial(world: World) -> None:
    """What was announced ends as failed, never as nothing; the order can be resumed with a fresh serial."""
    world.issuers.broken = Unavailable("the key does not answer")
    before = world.head()
    outcome = world.when(brought(), anna())

    assert world.then(before)[5:] == ["certificate.issuance-failed", "certificate.revoked", "order.issuance-reopened"]
    assert order_of(world, outcome).accepted == {}


def test_whoever_lost_the_right_gets_no_answer_from_a_key(world: World) -> None:
    """A repeated call is answered from its entry only to somebody who may still make it."""
    world.when(brought(), anna(key="k-1"))
    nobody = who("p-anna", Held(Role.VIEWER), key="k-1")
    with pytest.raises(Denied):
        world.when(brought(), nobody)


def test_a_key_speaks_for_one_kind_of_command(world: World) -> None:
    """Two commands with the same content are two requests."""
    waiting = order_id(world.when(brought(validity=60 * DAY), anna()))
    world.when(CancelOrder(order_id=waiting), anna(key="k-2"))
    with pytest.raises(IdempotencyMismatch):
        world.when(ResumeOrder(order_id=waiting), anna(key="k-2"))


def test_a_caller_cannot_take_a_second_steps_key(world: World) -> None:
    """Keys that begin as internal ones do are another namespace than what an edge hands in."""
    assert anna(key="5:RecordIssued").idempotency_key != anna().internal("5:RecordIssued").idempotency_key


def test_the_author_of_a_profile_orders_by_it_with_a_second_person(world: World) -> None:
    """Who writes the rule does not decide by it alone: the order waits, and its own author cannot approve it."""
    world.when(DefineProfile(spec=web_spec(max_validity=20 * DAY)), olga())
    mine = order_of(world, world.when(brought(), olga()))
    assert (mine.state, mine.waived_rules) == ("waiting", ("profile-by-another",))

    with pytest.raises(Denied, match="own request"):
        world.when(ApproveOrder(order_id=mine.id, request_sha256=mine.request_sha256), olga())
    world.when(ApproveOrder(order_id=mine.id, request_sha256=mine.request_sha256), omar())
    assert load_order(world, mine.id).state == "fulfilled"


def test_a_request_that_nobody_decides_expires(world: World) -> None:
    """After thirty days it must be asked for again."""
    order = order_of(world, world.when(brought(validity=60 * DAY), anna()))
    world.pass_time(days=31)
    with pytest.raises(WrongState, match="30 days"):
        world.when(ApproveOrder(order_id=order.id, request_sha256=order.request_sha256), olga())

"""A rule that becomes effective on the way stops what was fine when it was asked for: at each later step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from commands.certificates.approve import ApproveOrder
from commands.certificates.report_key import ReportKey
from commands.certificates.request import RequestCertificate
from commands.certificates.resume import ResumeOrder
from commands.profiles.define import DefineProfile
from commands.work import Work
from domain.certificates.order import Order
from domain.certificates.wish import Target
from domain.errors import InvalidInput, PolicyRefused, Unavailable
from domain.hosts.host import Host
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.csrs import make_csr, p256, pem_csr
from tests.support.world import SHOP, WEB, World, anna, furnish, olga, system, the_agent, web_spec

DAY = 86_400
NAME = "www.shop.com"
BEFORE, AFTER = datetime(2027, 3, 14, 12, tzinfo=UTC), datetime(2027, 3, 15, 0, tzinfo=UTC)
"""The last day on which the public's certificates may live 200 days, and the first moment of 100."""
HOST = Host.id_for("web1.shop.test")
PUBLIC = {
    "allowed_names": ("**.shop.com", "**.shop.test"), "public_trust": True,
    "max_validity": 150 * DAY, "hard_max_validity": 200 * DAY,
}  # fmt: skip


@pytest.fixture
def public(tmp_path: Path) -> Iterator[World]:
    """A world with a profile for publicly trusted certificates, on the day before a shorter maximum begins."""
    made = World(tmp_path)
    furnish(made, web_spec(**PUBLIC))
    made.now = BEFORE
    yield made
    made.ledger.close()


def csr(name: str = NAME) -> str:
    """Return a CSR for a name."""
    return pem_csr(make_csr(p256(), x509.DNSName(name)))


def brought(**changes: object) -> RequestCertificate:
    """A request with a CSR of the caller's."""
    return RequestCertificate.model_validate({"team_id": SHOP, "profile_id": WEB, "csr": csr(), **changes})


def on_host(**changes: object) -> RequestCertificate:
    """A request whose host makes the key."""
    spec = TargetSpec(directory="/srv/tls", endpoints=(Endpoint(address="127.0.0.1", port=443, server_name=NAME),))
    told = {"team_id": SHOP, "profile_id": WEB, "dns_names": (NAME,), "targets": (Target(host_id=HOST, spec=spec),)}
    return RequestCertificate.model_validate({**told, **changes})


def sha_of(world: World, order: str) -> str:
    """Return what an approver read."""
    return Work(world.bus.services, system()).load(Order, order).request_sha256


def test_the_request_is_judged_by_its_day(public):
    """150 days are issued on the last day, and refused on the next."""
    assert public.when(brought(), anna()).id_of("certificate")
    public.now = AFTER
    with pytest.raises(PolicyRefused) as refused:
        public.when(brought(), anna())

    assert "public-trust-100-days" == refused.value.rule


def test_approval_is_judged_again(public):
    """What waited over midnight cannot be approved any more, targets or not."""
    waiting = [public.when(one(validity=180 * DAY), anna()).id_of("order") for one in (brought, on_host)]
    public.now = AFTER
    for order in waiting:
        with pytest.raises(PolicyRefused) as refused:
            public.when(ApproveOrder(order_id=order, request_sha256=sha_of(public, order)), olga())

        assert "public-trust-100-days" == refused.value.rule


def test_issuance_for_a_hosts_key_is_judged_again(public):
    """An approved order whose host is slow gets no certificate: its key is refused on the record, by the rule."""
    order = public.when(on_host(), anna()).id_of("order")
    public.now = AFTER
    before = public.head()

    public.when(ReportKey(order_id=order, host_id=HOST, generation=1, csr=csr()), the_agent(HOST))

    assert ["order.key-refused"] == public.then(before)
    refused = [event.state for event in public.ledger.stream(order) if event.topic.endswith("key-refused.v1")]
    assert b"public-trust-100-days" in refused[-1]


def test_resuming_is_judged_again(public):
    """An issuance that failed on the last day is not caught up on the next."""
    public.issuers.broken = Unavailable("away", fix="wait")
    order = public.when(brought(), anna()).id_of("order")
    public.issuers.broken = None
    public.now = AFTER
    with pytest.raises(PolicyRefused) as refused:
        public.when(ResumeOrder(order_id=order), anna())

    assert "public-trust-100-days" == refused.value.rule


@pytest.mark.parametrize(("name", "fine"), [("www.shop.com", True), ("www.shop.test", False)])
def test_internal_names_are_not_for_the_public(public, name, fine):
    """A name that ends in no registered top-level domain is refused where the public relies on it."""
    order = brought(csr=csr(name))
    if fine:
        assert public.when(order, anna()).id_of("certificate")
        return
    with pytest.raises(PolicyRefused) as refused:
        public.when(order, anna())

    assert "public-trust-names" == refused.value.rule


def test_a_profile_is_judged_by_its_day(public):
    """A public profile of 150 days cannot be defined any more once 100 are the maximum."""
    public.now = AFTER
    spec = web_spec(**(PUBLIC | {"name": "late", "hard_max_validity": None}))
    with pytest.raises(InvalidInput) as refused:
        public.when(DefineProfile(spec=spec), olga())

    assert "profile-public-trust-validity" == refused.value.rule

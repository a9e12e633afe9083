"""Short histories of the domain, made by the aggregates themselves, for tests of read models."""

from __future__ import annotations

from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.wish import Subject, Target
from domain.hosts.deployment import Deployment, Evidence
from domain.hosts.targets import Endpoint, TargetSpec
from tests.support.memoryledger import at

TEAM, HOST, ISSUER, PROFILE = "team-1", "host-1", "issuer-1", "profile-1"
SPEC = TargetSpec(
    directory="/etc/tls/shop", endpoints=(Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test"),)
)
SUBJECT = Subject(
    dns_names=("shop.test",),
    ip_addresses=("192.0.2.7",),
    common_name="shop.test",
    key_algorithm="EC-P256",
    validity=900,
)
EVIDENCE = (Evidence(endpoint="192.0.2.7:443", sha256="a" * 64, tls="TLSv1.3", hits=1),)


def order(number: int = 1, *, hosts: tuple[str, ...] = (HOST,), team: str = TEAM, csr: str | None = None) -> Order:
    """Return an order that was just requested by p-alice."""
    return Order.begin(
        Order.Requested,
        stream_id=f"order-{number}",
        at=at(),
        team_id=team,
        profile_id=PROFILE,
        profile_version=1,
        requester="p-alice",
        subject=SUBJECT,
        targets=tuple(Target(host_id=host, spec=SPEC) for host in hosts),
        csr=csr,
        csr_sha256=None if csr is None else "e" * 64,
        waived_rules=(),
        approvals_needed=1,
    )


def certificate(number: int = 1, *, team: str | None = TEAM, order_id: str | None = "order-1") -> Certificate:
    """Return a certificate whose issuance has started."""
    return Certificate.begin(
        Certificate.IssuanceStarted,
        stream_id=f"certificate-{number}",
        at=at(number),
        purpose="order",
        order_id=order_id,
        team_id=team,
        host_id=HOST,
        profile_id=PROFILE,
        profile_version=1,
        issuer_id=ISSUER,
        serial=f"{number:040x}",
        tbs_sha256="b" * 64,
        spki_sha256="c" * 64,
        dns_names=("shop.test", f"n{number}.shop.test"),
        ip_addresses=("192.0.2.7",),
        not_before=at(-300),
        not_after=at(number * 100),
    )


def deployment(
    number: int = 1, *, order_id: str = "order-1", certificate_id: str = "certificate-1", directory: str | None = None
) -> Deployment:
    """Return a planned deployment."""
    return Deployment.plan(
        stream_id=f"deployment-{number}",
        order_id=order_id,
        certificate_id=certificate_id,
        host_id=HOST,
        team_id=TEAM,
        generation=1,
        target=SPEC if directory is None else SPEC.model_copy(update={"directory": directory}),
        at=at(),
    )


def accept(wanted: Order, certificate_id: str = "certificate-1", *, host: str = HOST) -> None:
    """Accept the key of a host for an order."""
    wanted.accept_key(host_id=host, certificate_id=certificate_id, spki_sha256="c" * 64, csr_sha256="d" * 64, at=at(10))

"""Record a signed certificate, and plan its deployments where its order has targets on the host."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.certificates.renewing import plan_renewal, renewals_on
from commands.hosts.rollout import install
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order


class RecordIssued(Command):
    """The end of an issuance: base64 of the certificate's DER, and the DER's SHA-256 in hex."""

    certificate_id: str
    certificate: str
    fingerprint: str


def scope(command: RecordIssued, _work: Work) -> Scope:
    """Name the certificate."""
    return Scope(object_id=command.certificate_id)


def handle(command: RecordIssued, work: Work) -> None:
    """Record it; an order without targets ends here."""
    certificate = work.load(Certificate, command.certificate_id)
    certificate.issued(certificate=command.certificate, fingerprint=command.fingerprint, at=work.now)
    if certificate.order_id is None:
        return
    order = work.load(Order, certificate.order_id)
    if not order.targets:
        order.fulfil(at=work.now)
    if certificate.host_id is not None:
        _for_host(work, order, certificate, certificate.host_id)


def _for_host(work: Work, order: Order, certificate: Certificate, host_id: str) -> None:
    install(work, order, certificate)
    plan_renewal(work, certificate)
    for renewal in renewals_on(work, order, host_id):
        renewal.answered(order_id=order.id, at=work.now)


RECORD_ISSUED = UseCase("certificates.record-issued", scope, handle, second_step=True)

"""Record a signed certificate, and plan its deployments where its order has targets on the host."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.hosts.deployment import Deployment


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
    for number, target in enumerate(order.targets):
        if target.host_id == certificate.host_id:
            deployment = Deployment.plan(
                stream_id=Deployment.id_for(certificate.id, number),
                order_id=order.id,
                certificate_id=certificate.id,
                host_id=target.host_id,
                team_id=order.team_id,
                generation=order.generation(target.host_id),
                target=target.spec,
                at=work.now,
            )
            work.add(deployment)


RECORD_ISSUED = UseCase("certificates.record-issued", scope, handle, second_step=True)

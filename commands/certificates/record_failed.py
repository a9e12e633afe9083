"""Record an issuance that ended without a certificate: failed, serial revoked, the order open for a fresh attempt."""

from __future__ import annotations

from typing import Literal

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order


class RecordFailed(Command):
    """The end of an issuance that has no certificate to show; one that has ended already is left alone."""

    certificate_id: str
    reason: Literal["signing-failed", "outcome-unknown"]


def scope(command: RecordFailed, _work: Work) -> Scope:
    """Name the certificate."""
    return Scope(object_id=command.certificate_id)


def handle(command: RecordFailed, work: Work) -> None:
    """Record the failure once."""
    certificate = work.load(Certificate, command.certificate_id)
    if certificate.state != "started":
        return
    certificate.fail(reason=command.reason, at=work.now)
    if certificate.order_id is not None:
        order = work.load(Order, certificate.order_id)
        order.reopen_issuance(host_id=certificate.host_id or "", certificate_id=certificate.id, at=work.now)


RECORD_FAILED = UseCase("certificates.record-failed", scope, handle, second_step=True)

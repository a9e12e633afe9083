"""Renew a certificate now, because a person or a pipeline asks for it."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.certificates.renewing import known_renewal
from commands.certificates.replacing import order_under_way, replace
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import WrongState


class RenewCertificate(Command):
    """Order one certificate's successor: same names, same places, a new key, decided by the policy of today.

    ``together``: the other certificates of the same order, too, one host after another, the first as canary.
    """

    certificate_id: str
    together: bool = False


def scope(command: RenewCertificate, work: Work) -> Scope:
    """Aim at the team that owns the certificate."""
    return Scope(work.load(Certificate, command.certificate_id).team_id, command.certificate_id)


def handle(command: RenewCertificate, work: Work) -> None:
    """Order it; one that is on its way already is not ordered twice."""
    certificate = work.load(Certificate, command.certificate_id)
    renewal = known_renewal(work, certificate.id)
    order = order_under_way(work, renewal) if renewal is not None else None
    if order is not None:
        raise WrongState("a successor is on its way already", rule="renewal-under-way", fix=f"look at {order.id}")
    replace(work, certificate, cause="asked", together=command.together)


RENEW_CERTIFICATE = UseCase("certificates.renew", scope, handle)

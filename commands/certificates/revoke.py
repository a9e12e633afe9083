"""Revoke a certificate: its serial is on the issuing CA's CRL from the next one on, which follows at once."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.certificates.certificate import Certificate, RevocationReason


class RevokeCertificate(Command):
    """Revoke one certificate, with a reason of RFC 5280 section 5.3.1; ``certificateHold`` is none of them."""

    certificate_id: str
    revocation_reason: RevocationReason = "unspecified"


def scope(command: RevokeCertificate, work: Work) -> Scope:
    """Aim at the team that owns the certificate."""
    return Scope(work.load(Certificate, command.certificate_id).team_id, command.certificate_id)


def handle(command: RevokeCertificate, work: Work) -> None:
    """Revoke it."""
    work.load(Certificate, command.certificate_id).revoke(reason=command.revocation_reason, at=work.now)


REVOKE_CERTIFICATE = UseCase("certificates.revoke", scope, handle)

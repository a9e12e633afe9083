"""Issue the backend's own HTTPS certificate: at set-up, and again when two thirds of its life are over."""

from __future__ import annotations

import base64

from commands.base import Command, Scope, UseCase
from commands.certificates.issuing import BACKDATE, Bound, announce, validity
from commands.keys.binding import Certifiable
from commands.ports.issuers import CertificateTemplate
from commands.work import Work
from domain.certificates.csr import read_csr

VALIDITY_SECONDS = 60 * 86_400


class IssueServerCertificate(Command):
    """Certify the backend's fresh key (CSR, base64 of DER) for its own reserved names."""

    issuer_id: str
    csr: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]


def scope(command: IssueServerCertificate, _work: Work) -> Scope:
    """Name the issuer."""
    return Scope(object_id=command.issuer_id)


def handle(command: IssueServerCertificate, work: Work) -> None:
    """Announce the certificate; the caller reads it back from the outcome's second entry."""
    csr = read_csr(base64.b64decode(command.csr))
    not_before, not_after = validity(work.now, BACKDATE, VALIDITY_SECONDS)
    template = CertificateTemplate(
        issuer_id=command.issuer_id,
        spki_der=csr.spki_der,
        dns_names=command.dns_names,
        ip_addresses=command.ip_addresses,
        common_name=None,
        not_before=not_before,
        not_after=not_after,
        extended_key_usages=("serverAuth",),
    )
    key = Certifiable(csr.spki_sha256, "backend", algorithm=csr.key_algorithm)
    bound = Bound("server", key, command.dns_names, command.ip_addresses)
    announce(work, work.services.issuers.prepare(template), bound)


ISSUE_SERVER_CERTIFICATE = UseCase("certificates.issue-server", scope, handle)

"""Evidence of what a restored ledger has forgotten: published CRLs and newer exports, believed as far as they prove it.

A CRL counts when one of our issuers signed it. An export counts as far as its chain holds and begins with our own
entries; of what follows, only certificates whose signature is our issuer's are taken. Nothing else of it is: a chain
without signatures is something that anybody can continue, with a grant of ROLE_ADMIN for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from cryptography import x509

from commands.continuity.loss import LostRevocation
from domain.certificates.revocation import RevocationReason
from domain.errors import InvalidInput
from infra.bootstrap import Backend
from infra.reading import every
from projections.issuers.issuers import ISSUERS, IssuerFilter

_LARGEST_CRL = 64 * 1024 * 1024
_REASONS = frozenset(get_args(RevocationReason))


@dataclass(frozen=True, slots=True)
class Authority:
    """One of our issuers, and the highest CRL number that this ledger knows of it."""

    issuer_id: str
    certificate: x509.Certificate
    number: int


@dataclass(slots=True)
class Found:
    """What was found so far."""

    numbers: dict[str, int] = field(default_factory=dict)
    revocations: dict[tuple[str, str], LostRevocation] = field(default_factory=dict)

    def number(self, issuer_id: str, number: int) -> None:
        """Note a CRL number; the highest counts."""
        self.numbers[issuer_id] = max(number, self.numbers.get(issuer_id, 0))

    def revoked(self, lost: LostRevocation) -> None:
        """Note a revocation; what was published first counts."""
        self.revocations.setdefault((lost.issuer_id, lost.serial), lost)


def authorities(backend: Backend) -> tuple[Authority, ...]:
    """Return our issuers, root and agents' CA among them."""
    return tuple(
        Authority(
            row["issuer_id"],
            x509.load_pem_x509_certificate(row["chain"][0].encode()),
            max(row["crl_number"], *(one["number"] for one in row["drawn"]), 0),
        )
        for row in every(backend.views, ISSUERS, IssuerFilter())
    )


def read_crls(paths: Iterable[Path], ours: tuple[Authority, ...], found: Found) -> None:
    """Take the numbers and the entries of published CRLs. Raises InvalidInput for one that is not signed by us."""
    for path in paths:
        crl = _load(path)
        authority = next((one for one in ours if _signed_by(crl, one.certificate)), None)
        if authority is None:
            raise InvalidInput(
                f"{path} is no CRL of one of our issuers", rule="evidence-foreign", fix="fetch it from the CDP again"
            )
        try:
            number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        except (x509.ExtensionNotFound, ValueError) as error:
            raise InvalidInput(f"{path} has no CRL number", rule="evidence-foreign", fix="fetch it again") from error
        found.number(authority.issuer_id, number)
        for entry in crl:
            found.revoked(_lost(authority.issuer_id, entry))


def _load(path: Path) -> x509.CertificateRevocationList:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_CRL)  # what is cut off does not parse
        pem = content.lstrip().startswith(b"-----BEGIN")
        return x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
    except OSError as error:
        raise InvalidInput(
            f"{path} cannot be read: {error.strerror}", rule="evidence-unreadable", fix="check it"
        ) from error
    except ValueError as error:
        raise InvalidInput(f"{path} is no CRL", rule="evidence-unreadable", fix="give PEM or DER") from error


def _signed_by(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> bool:
    if crl.issuer.public_bytes() != certificate.subject.public_bytes():
        return False
    try:
        return crl.is_signature_valid(certificate.public_key())  # type: ignore[arg-type] # CA keys sign; others raise
    except (TypeError, ValueError):
        return False


def _lost(issuer_id: str, entry: x509.RevokedCertificate) -> LostRevocation:
    reason, since = "unspecified", None
    for extension in entry.extensions:
        if isinstance(extension.value, x509.CRLReason):
            reason = extension.value.reason.value
        elif isinstance(extension.value, x509.InvalidityDate):
            since = extension.value.invalidity_date_utc
    told = {"issuer_id": issuer_id, "serial": f"{entry.serial_number:x}", "revoked_at": entry.revocation_date_utc}
    known = reason if reason in _REASONS else "unspecified"
    return LostRevocation.model_validate({**told, "reason": known, "invalidity_date": since})

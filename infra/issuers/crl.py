"""Certificate revocation lists (RFC 5280 section 5): complete ones, version 2."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography import x509

from commands.ports.issuers import RevokedSerial
from domain.errors import InvalidInput
from infra.issuers.building import whole_seconds
from infra.issuers.extensions import authority_key_id, extension, plain_http
from infra.issuers.schemes import ca_public_key
from infra.issuers.tbs import to_be_signed

_LARGEST_NUMBER = 1 << 159  # 20 octets, RFC 5280 section 5.2.3
_SERIAL = re.compile("[0-9a-f]{1,40}")
_REFUSED = frozenset({"certificateHold", "removeFromCRL"})
_REASONS = {flag.value: flag for flag in x509.ReasonFlags if flag.value not in _REFUSED}


def crl_to_be_signed(
    issuer: x509.Certificate,
    crl_url: str,
    number: int,
    this_update: datetime,
    next_update: datetime,
    revoked: Sequence[RevokedSerial],
) -> bytes:
    """Return the to-be-signed bytes of a complete CRL.

    Its issuingDistributionPoint names ``crl_url`` byte for byte as the certificates do, so that one shard can never
    stand in for another. Raises :class:`domain.errors.InvalidInput`; a hold is refused: here revocation is final.
    """
    start, end = whole_seconds(this_update), whole_seconds(next_update)
    if end <= start:
        raise InvalidInput(
            "nextUpdate must be after thisUpdate", rule="validity-order", fix="give the CRL a longer life"
        )
    if not 0 <= number < _LARGEST_NUMBER:
        raise InvalidInput("a CRL number has 0 to 159 bits", rule="crl-number", fix="count from the last one")
    extensions = [
        extension(authority_key_id(issuer)),
        extension(x509.CRLNumber(number)),
        extension(_issuing_distribution_point(crl_url), critical=True),
    ]
    # The list goes in whole: add_revoked_certificate copies it for every entry (20 s for 100,000).
    builder = x509.CertificateRevocationListBuilder(issuer.subject, start, end, extensions, _entries(revoked))
    return to_be_signed(builder, ca_public_key(issuer.public_key()))


def _issuing_distribution_point(crl_url: str) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(
        full_name=[plain_http(crl_url)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )


def _entries(revoked: Iterable[RevokedSerial]) -> list[x509.RevokedCertificate]:
    reasons = {name: [extension(x509.CRLReason(flag))] for name, flag in _REASONS.items()}
    reasons["unspecified"] = []  # RFC 5280 section 5.3.1: left out rather than said
    seen: set[int] = set()
    entries = []
    for line in revoked:
        serial = _serial(line.serial)
        if serial in seen or line.reason not in reasons:
            raise _bad_line(line, doubled=serial in seen)
        seen.add(serial)
        extensions = [*reasons[line.reason], *_invalidity(line)]
        builder = x509.RevokedCertificateBuilder(serial, whole_seconds(line.revoked_at), extensions)
        entries.append(builder.build())
    return entries


def _invalidity(line: RevokedSerial) -> list[x509.Extension[x509.ExtensionType]]:
    """Return the invalidityDate of an entry, in whole seconds of UTC (RFC 5280 section 5.3.2)."""
    if line.invalidity_date is None:
        return []
    return [extension(x509.InvalidityDate(line.invalidity_date.astimezone(UTC).replace(microsecond=0, tzinfo=None)))]


def _serial(text: str) -> int:
    serial = int(text, 16) if _SERIAL.fullmatch(text) else 0
    if serial == 0:
        raise InvalidInput(f"{text[:50]!r} is no serial", rule="serial-syntax", fix="give it as lower-case hex")
    return serial


def _bad_line(line: RevokedSerial, *, doubled: bool) -> InvalidInput:
    if doubled:
        return InvalidInput(f"serial {line.serial} is listed twice", rule="crl-duplicate", fix="list it once")
    return InvalidInput(
        f"{line.reason[:50]!r} is no reason for a CRL",
        rule="crl-reason",
        fix=f"use one of {', '.join(sorted(_REASONS))}",
    )

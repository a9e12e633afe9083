"""To-be-signed bytes of leaf certificates (RFC 5280 section 4), for one issuer."""

from __future__ import annotations

import hashlib
import os
import re
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from commands.ports.issuers import CertificateTemplate, PreparedCertificate
from domain.errors import InvalidInput, PolicyRefused
from domain.hosts.host import HOST_URN
from infra.issuers.constraints import constraints_of
from infra.issuers.extensions import (
    NOT_A_CA,
    SIGNING_LEAF_USAGE,
    Extension,
    LeafKey,
    authority_key_id,
    distribution_points,
    encoded,
    extended_key_usage,
    extension,
    issuer_access,
    leaf_key,
    leaf_usage,
)
from infra.issuers.names import alternative_names, subject
from infra.issuers.records import IssuerRecord, checked_chain
from infra.issuers.schemes import ca_public_key
from infra.issuers.tbs import to_be_signed
from infra.randomness import RandomBytes, RandomPool

_SERIAL_TOP = 1 << 158
_HOST_ID = re.compile("[a-z0-9][a-z0-9-]{0,63}")
_EARLIEST = datetime(1950, 1, 1, tzinfo=UTC)


def fresh_serial(random_bytes: RandomBytes = os.urandom) -> int:
    """Draw a serial: 159 bits, 158 of them from the operating system's generator, so always 20 octets and positive.

    Two serials being equal has a probability below 2^-100 after 2^28 certificates; nobody can predict one.
    """
    return _SERIAL_TOP | int.from_bytes(random_bytes(20)) >> 2


def whole_seconds(moment: datetime) -> datetime:
    """Return a time as X.509 can say it: UTC, without fractions; raises InvalidInput without a zone or before 1950."""
    if moment.tzinfo is None:
        raise InvalidInput("a time needs its zone", rule="time-zone", fix="give it in UTC")
    at = moment.astimezone(UTC).replace(microsecond=0)
    if at < _EARLIEST:
        raise InvalidInput("X.509 knows no time before 1950", rule="time-range", fix="check this machine's clock")
    return at


class LeafBuilder:
    """Builds leaf certificates below one issuer; what never changes is encoded once."""

    def __init__(self, record: IssuerRecord) -> None:
        chain = checked_chain(record)
        certificate = chain[0]
        self.certificate = certificate
        self.public_key = ca_public_key(certificate.public_key())
        self._issuer_id = record.issuer_id
        self._random = RandomPool()
        self._begins = max(above.not_valid_before_utc for above in chain)
        self._ends = min(above.not_valid_after_utc for above in chain)  # later, the chain no longer validates
        self._limits = constraints_of(certificate)
        self._fixed: list[Extension] = [
            NOT_A_CA,
            encoded(extension(authority_key_id(certificate))),
            encoded(extension(distribution_points(record.crl_url))),
            encoded(extension(issuer_access(record.aia_url))),
        ]

    def leaf(self, template: CertificateTemplate) -> PreparedCertificate:
        """Prepare a certificate for names; raises InvalidInput, or PolicyRefused by the issuer's end or limits."""
        names = alternative_names(template.dns_names, template.ip_addresses)
        if self._limits is not None:
            self._limits.check(template.dns_names, template.ip_addresses)
        name = subject(template.common_name, template.dns_names, template.ip_addresses)
        usage = extended_key_usage(template.extended_key_usages)
        key = leaf_key(template.spki_der)
        usages = (leaf_usage(key, template.key_usages), usage)
        return self._prepare(name, names, key, usages, (template.not_before, template.not_after))

    def agent(self, host_id: str, spki_der: bytes, not_before: datetime, not_after: datetime) -> PreparedCertificate:
        """Prepare a host's client certificate: SAN ``urn:sslclm:host:<id>``, clientAuth only, P-256 only."""
        key = leaf_key(spki_der)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise InvalidInput("an agent's key is EC P-256", rule="subject-key", fix="make a P-256 key")
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(host_urn(host_id))])
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host_id)])
        usages = (SIGNING_LEAF_USAGE, extended_key_usage(("clientAuth",)))
        return self._prepare(name, names, key, usages, (not_before, not_after))

    def _prepare(
        self,
        name: x509.Name,
        names: x509.SubjectAlternativeName,
        key: LeafKey,
        usages: tuple[Extension, Extension],
        validity: tuple[datetime, datetime],
    ) -> PreparedCertificate:
        not_before, not_after = self._validity(*validity)
        extensions = [
            extension(names, critical=not name.rdns),
            *usages,
            extension(x509.SubjectKeyIdentifier.from_public_key(key)),
            *self._fixed,
        ]
        serial = fresh_serial(self._random)
        # One call instead of a dozen fluent ones, each of which copies the builder: 35 µs of 110.
        builder = x509.CertificateBuilder(
            self.certificate.subject, name, key, serial, not_before, not_after, extensions
        )
        tbs = to_be_signed(builder, self.public_key)
        return PreparedCertificate(
            self._issuer_id, f"{serial:x}", tbs, hashlib.sha256(tbs).hexdigest(), not_before, not_after
        )

    def _validity(self, not_before: datetime, not_after: datetime) -> tuple[datetime, datetime]:
        # Back-dating, or a clock that went back, makes nothing older than what signs it.
        start, end = max(whole_seconds(not_before), self._begins), whole_seconds(not_after)
        if end < start:
            raise InvalidInput(
                "the certificate would end before it begins", rule="validity-order", fix="ask for a longer validity"
            )
        if end > self._ends:
            raise PolicyRefused(
                f"the certificate would outlive its issuer, which ends at {self._ends.isoformat()}",
                rule="outlives-issuer",
                fix="ask for a shorter validity, or renew the issuer",
            )
        return start, end


def host_urn(host_id: str) -> str:
    """Return the URI by which an agent's certificate names its host's stream; raises InvalidInput for no stream id."""
    if not _HOST_ID.fullmatch(host_id):
        raise InvalidInput(
            f"{host_id[:80]!r} is no host's stream id", rule="host-id", fix="give the id that registering it gave"
        )
    return f"{HOST_URN}{host_id}"

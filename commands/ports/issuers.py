"""What a handler needs of a certification authority: prepare, then sign, as two steps.

The ledger stands between the two: the prepared to-be-signed bytes are hashed into ``IssuanceStarted`` before the CA's
key is used, so that no certificate exists which the ledger did not announce.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CertificateTemplate:
    """Everything that goes into a leaf certificate; nothing else does.

    ``spki_der``: the subject's public key. ``dns_names`` are A-labels in lower case, ``ip_addresses`` text. Both
    times are inclusive (RFC 5280 section 4.1.2.5). ``extended_key_usages``: names such as ``serverAuth``;
    ``key_usages``: names of RFC 5280 section 4.2.1.3, none = what the key's algorithm allows.
    ``common_name`` is None or one of the names.
    """

    issuer_id: str
    spki_der: bytes
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    common_name: str | None
    not_before: datetime
    not_after: datetime
    extended_key_usages: tuple[str, ...]
    key_usages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedCertificate:
    """To-be-signed bytes (RFC 5280 TBSCertificate, DER), drawn with a fresh serial; good for one signature.

    ``serial`` is lower-case hex without leading zeros.
    """

    issuer_id: str
    serial: str
    tbs: bytes
    tbs_sha256: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class RevokedSerial:
    """One line of a CRL. ``reason`` is an RFC 5280 CRLReason name; ``unspecified`` is left out of the CRL.

    ``invalidity_date``: since when the key is known or suspected to be compromised, where somebody said so.
    """

    serial: str
    revoked_at: datetime
    reason: str = "unspecified"
    invalidity_date: datetime | None = None


class Issuers(Protocol):
    """The certification authorities that this process may sign with."""

    def prepare(self, template: CertificateTemplate) -> PreparedCertificate:
        """Draw a serial (64 to 159 random bits) and build the to-be-signed bytes.

        Raises :class:`domain.errors.PolicyRefused` where the certificate would outlive its issuer, and
        :class:`domain.errors.NotFound` for an issuer that this process cannot sign with.
        """

    def prepare_agent(
        self, issuer_id: str, host_id: str, spki_der: bytes, not_before: datetime, not_after: datetime
    ) -> PreparedCertificate:
        """As :meth:`prepare`, for a host: the certificate names ``urn:sslclm:host:<host_id>`` and nothing else."""

    async def sign(self, prepared: PreparedCertificate) -> bytes:
        """Sign prepared bytes once, verify the signature, return the certificate (DER).

        Raises :class:`domain.errors.WrongState` on a second call with the same serial and
        :class:`domain.errors.Unavailable` where the key does not answer.
        """

    def chain(self, issuer_id: str) -> tuple[bytes, ...]:
        """Return the CA certificates (DER) above a leaf of this issuer, issuing CA first, root last."""

    async def sign_crl(
        self,
        issuer_id: str,
        number: int,
        this_update: datetime,
        next_update: datetime,
        revoked: Sequence[RevokedSerial],
    ) -> bytes:
        """Sign a complete CRL (RFC 5280 section 5) with this number; returns DER."""

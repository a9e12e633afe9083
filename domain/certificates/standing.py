"""What a certificate that lives says of itself, as far as policy asks: read from its bytes, foreign ones too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.x509.oid import ExtensionOID

from domain.certificates.names import parse_dns_name, parse_ip_address
from domain.errors import ClmError
from domain.profiles.public_trust import TITLES

MAX_CERTIFICATE = 65_536
"""Longest DER that is read, in bytes."""

_CURVES = {
    "secp192r1": "EC-P192", "secp224r1": "EC-P224", "secp256r1": "EC-P256", "secp384r1": "EC-P384",
    "secp521r1": "EC-P521",
}  # fmt: skip

_UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    DeprecationWarning,  # what a future version of the parser refuses, where warnings are errors
    UserWarning,
)
_EDWARDS = {"Ed25519": ed25519.Ed25519PublicKey, "Ed448": ed448.Ed448PublicKey}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a certificate says.

    ``key_algorithm`` names any key (``RSA-1024``, ``DSA-2048``; ``unknown`` for one that the library cannot read),
    ``signature_hash`` is empty for a scheme that brings its own. ``public_trust``: it claims to follow the CA/Browser
    Forum's rules by one of its certificate policies. Names that are no DNS names or addresses are left out.
    """

    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    key_algorithm: str
    signature_hash: str
    public_trust: bool

    @property
    def validity(self) -> int:
        """Seconds of validity, both ends inclusive (RFC 5280 section 4.1.2.5)."""
        return int((self.not_after - self.not_before).total_seconds()) + 1

    @property
    def first_day(self) -> date:
        """The day (UTC) on which its validity begins."""
        return self.not_before.date()


def read_standing(der: bytes) -> Standing | None:
    """Return what a certificate says; None where the bytes are no certificate that can be read. Fetches nothing."""
    if not der or len(der) > MAX_CERTIFICATE:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        dns_names, addresses = _names(certificate)
        return Standing(
            dns_names,
            addresses,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            _key(certificate),
            _hash(certificate),
            _public(certificate),
        )
    except _UNREADABLE:
        return None


def _names(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return (), ()
    assert isinstance(found, x509.SubjectAlternativeName)
    dns_names = [_dns(text) for text in found.get_values_for_type(x509.DNSName)]
    addresses = [_ip(str(address)) for address in found.get_values_for_type(x509.IPAddress)]
    return tuple(filter(None, dns_names)), tuple(filter(None, addresses))


def _dns(text: str) -> str:
    try:
        return parse_dns_name(text)
    except ClmError:
        return ""


def _ip(text: str) -> str:
    try:
        return parse_ip_address(text)
    except ClmError:
        return ""


def _key(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name, f"EC-{key.curve.name}")
    if isinstance(key, rsa.RSAPublicKey | dsa.DSAPublicKey):
        return f"{'RSA' if isinstance(key, rsa.RSAPublicKey) else 'DSA'}-{key.key_size}"
    return next((name for name, kind in _EDWARDS.items() if isinstance(key, kind)), "unknown")


def _hash(certificate: x509.Certificate) -> str:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return "unknown"
    return digest.name if digest is not None else ""


def _public(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.CERTIFICATE_POLICIES).value
    except x509.ExtensionNotFound:
        return False
    assert isinstance(found, x509.CertificatePolicies)
    return any(policy.policy_identifier.dotted_string in TITLES for policy in found)

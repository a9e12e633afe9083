"""Certificate signing requests (PKCS #10, RFC 2986): read strictly, trust nothing but the public key.

From a CSR the key is taken, with the proof that its sender holds the private half. Names are read only to be compared
with those that were approved; every other wish in it (key usage, validity, organisation) has no effect.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AttributeOID, NameOID, ObjectIdentifier

from domain.certificates.fingerprints import fingerprint
from domain.certificates.names import parse_dns_name, parse_ip_address
from domain.certificates.public_keys import key_algorithm
from domain.errors import InvalidInput
from domain.profiles.spec import KeyAlgorithm

MAX_CSR = 65_536
"""Largest CSR that is looked at, in bytes of PEM or DER."""

MAX_NAMES = 100
"""Most names that any profile can allow."""

_PEM = re.compile(
    rb"\s*-----BEGIN (NEW )?CERTIFICATE REQUEST-----\r?\n"
    rb"([A-Za-z0-9+/=\r\n \t]+)"
    rb"-----END (NEW )?CERTIFICATE REQUEST-----\s*"
)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_EXTENSION_REQUESTS = frozenset(
    {
        ObjectIdentifier("1.2.840.113549.1.9.14"),  # extensionRequest, RFC 2985 section 5.4.2
        ObjectIdentifier("1.3.6.1.4.1.311.2.1.14"),  # Microsoft's own, which the parser reads the same way
    }
)
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""All that the parser raises, now for the whole or later for one field: it decodes fields when they are read."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """What a CSR says, checked.

    ``der``: the CSR; ``spki_der``: its SubjectPublicKeyInfo; ``spki_sha256``: lower-case hex. ``dns_names`` and
    ``ip_addresses``: from the subjectAltName, as ``domain.certificates.names`` spells them, without repetitions.
    ``common_name``: a DNS name or an address, too. ``signature_hash``: by which hash the CSR is signed,
    e.g. ``sha256``; empty for Ed25519, which brings its own.
    """

    der: bytes
    spki_der: bytes
    spki_sha256: str
    key_algorithm: KeyAlgorithm
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    common_name: str | None
    signature_hash: str = ""


def read_csr(data: bytes) -> SigningRequest:
    """Read one CSR, PEM or DER.

    Raises :class:`InvalidInput` and nothing else. Rules: ``csr-size``, ``csr-pem``, ``csr-syntax``, ``csr-signature``,
    ``csr-signature-algorithm``, ``csr-key-encoding``, ``csr-attributes``, ``csr-challenge-password``, ``csr-ca``,
    ``csr-names-empty``, ``csr-name-type``, ``csr-names-at-most``, ``csr-common-name``, and those of ``names``
    and ``public_keys``.
    """
    if len(data) > MAX_CSR:
        raise _refused("csr-size", f"longer than {MAX_CSR} bytes", "send one CSR and nothing else")
    der = _der(data)
    csr = _read(lambda: x509.load_der_x509_csr(der), "the request")
    algorithm, spki = _key(csr)
    digest = _check_signature(csr)
    _check_attributes(csr)
    dns_names, ip_addresses = _names(csr)
    common_name = _common_name(csr)
    return SigningRequest(der, spki, fingerprint(spki), algorithm, dns_names, ip_addresses, common_name, digest)


def match(
    request: SigningRequest,
    *,
    dns_names: Iterable[str],
    ip_addresses: Iterable[str],
    common_name: str | None = None,
) -> None:
    """Compare a CSR with the approved names: it may name fewer of them, or none, but nothing else.

    Raises :class:`InvalidInput`, rule ``csr-names-differ``.
    """
    approved_names, approved_addresses = set(dns_names), set(ip_addresses)
    extra = [name for name in request.dns_names if name not in approved_names]
    extra += [address for address in request.ip_addresses if address not in approved_addresses]
    spoken = approved_names | approved_addresses | ({common_name} if common_name else set())
    if request.common_name is not None and request.common_name not in spoken:
        extra.append(request.common_name)
    if extra:
        fix = "make the CSR with the approved names only, or with none"
        raise _refused("csr-names-differ", f"names that were not approved: {', '.join(extra[:10])}", fix)


def _refused(rule: str, sentence: str, fix: str) -> InvalidInput:
    return InvalidInput(f"CSR: {sentence}", rule=rule, fix=fix)


def _read(field: Callable[[], _T], what: str) -> _T:
    try:
        return field()
    except _UNREADABLE as error:
        # The parser's own words may quote the input; they stay in the chain and out of the answer.
        raise _refused("csr-syntax", f"{what} cannot be read", "make the CSR anew with a maintained tool") from error


def _der(data: bytes) -> bytes:
    if data[:1] == b"\x30":
        return data
    found = _PEM.fullmatch(data)
    if found is None or found[1] != found[3]:
        fix = "send one '-----BEGIN CERTIFICATE REQUEST-----' block with nothing around it, or DER"
        raise _refused("csr-pem", "neither one PEM block nor DER", fix)
    text = b"".join(found[2].split())
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error:
        der = b""
    if base64.b64encode(der) != text:  # the library forgives stray padding and bits
        raise _refused("csr-pem", "the PEM block is not base64", "send the file unchanged")
    return der


def _key(csr: x509.CertificateSigningRequest) -> tuple[KeyAlgorithm, bytes]:
    key = _read(csr.public_key, "the public key")
    algorithm = key_algorithm(key)
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if spki not in csr.tbs_certrequest_bytes:
        # One key has one fingerprint: no compressed points, no RSA-PSS identifiers, no spelled-out curves.
        fix = "use rsaEncryption, or a named curve with an uncompressed point"
        raise _refused("csr-key-encoding", "the public key is not in its usual encoding", fix)
    return algorithm, spki


def _check_signature(csr: x509.CertificateSigningRequest) -> str:
    digest = _read(lambda: csr.signature_hash_algorithm, "the signature algorithm")
    if digest is not None and not isinstance(digest, _HASHES):
        fix = "sign the CSR with SHA-256, SHA-384 or SHA-512"
        raise _refused("csr-signature-algorithm", f"signed with {digest.name}", fix)
    if not _read(lambda: csr.is_signature_valid, "the signature"):
        fix = "sign the CSR with the private half of the key in it"
        raise _refused("csr-signature", "no proof of possession: its signature does not verify", fix)
    return digest.name if digest is not None else ""


def _check_attributes(csr: x509.CertificateSigningRequest) -> None:
    oids = [attribute.oid for attribute in _read(lambda: csr.attributes, "an attribute")]
    if len(set(oids)) != len(oids) or len(_EXTENSION_REQUESTS.intersection(oids)) > 1:
        raise _refused("csr-attributes", "an attribute is given twice", "put all extensions into one extensionRequest")
    if AttributeOID.CHALLENGE_PASSWORD in oids:
        # CSRs are kept; a password in one would be kept with it, for everybody who may read the history.
        raise _refused("csr-challenge-password", "has a challenge password", "leave the challenge password out")


def _names(csr: x509.CertificateSigningRequest) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = _general_names(csr)
    if len(found) > MAX_NAMES:
        fix = "spread the names over several certificates"
        raise _refused("csr-names-at-most", f"gives more than {MAX_NAMES} names", fix)
    dns = [parse_dns_name(name.value) for name in found if isinstance(name, x509.DNSName)]
    addresses = [_address(name) for name in found if not isinstance(name, x509.DNSName)]
    return tuple(dict.fromkeys(dns)), tuple(dict.fromkeys(addresses))


def _general_names(csr: x509.CertificateSigningRequest) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = []
    for extension in _read(lambda: csr.extensions, "an extension"):
        if isinstance(extension.value, x509.BasicConstraints) and extension.value.ca:
            raise _refused("csr-ca", "asks for a CA certificate", "CA certificates come from an issuer's ceremony")
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = list(extension.value)
            if not names:  # RFC 5280 section 4.2.1.6: at least one
                fix = "leave the extension out, or name something in it"
                raise _refused("csr-names-empty", "its subject alternative name is empty", fix)
    return names


def _address(name: x509.GeneralName) -> str:
    if not isinstance(name, x509.IPAddress):
        fix = "keep DNS names and IP addresses only"
        raise _refused("csr-name-type", f"a subject alternative name of type {type(name).__name__}", fix)
    if not isinstance(name.value, (IPv4Address, IPv6Address)):
        raise _refused("csr-name-type", "a network where an address belongs", "name single IP addresses")
    return parse_ip_address(str(name.value))


def _common_name(csr: x509.CertificateSigningRequest) -> str | None:
    subject = _read(lambda: csr.subject, "the subject")
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not found:
        return None
    fix = "leave the common name out, or repeat one of the DNS names in it"
    if len(found) > 1:
        raise _refused("csr-common-name", "has more than one common name", fix)
    text = found[0].value
    if not isinstance(text, str):
        raise _refused("csr-common-name", "its common name is not text", fix)
    for parse in (parse_dns_name, parse_ip_address):
        try:
            return parse(text)
        except InvalidInput:
            continue
    raise _refused("csr-common-name", "its common name is neither a DNS name nor an address", fix)

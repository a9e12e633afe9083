"""Certificates that others issued: read leniently, trusted in nothing, and nothing that they point to is fetched.

The parser decodes fields when they are read and raises per field, so every field is read through one guard.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from domain.certificates.fingerprints import fingerprint
from domain.certificates.names import parse_dns_name, parse_ip_address
from domain.certificates.standing import read_standing
from domain.errors import InvalidInput
from domain.ids import derived_id

MAX_FOREIGN = 12_288
"""Largest foreign certificate that is read, in bytes of DER: it must fit into one event with what is read from it."""
MAX_ADDRESSES = 4
MAX_ADDRESS_TEXT = 300
MAX_ISSUER_TEXT = 500
_UNREADABLE = (
    ValueError,
    TypeError,
    OverflowError,
    Warning,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
_SHOWN = frozenset(string.digits + string.ascii_letters + string.punctuation + " ")
_MACHINES = (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier, x509.RegisteredID)
_FIX = "export the certificate anew, or leave it out"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ForeignCertificate:
    """What a certificate says of itself.

    ``der``: its bytes, ``fingerprint`` their SHA-256. ``issuer_id`` derives from the issuer's name; ``issuer_name`` is
    that name as printable ASCII without mail addresses. ``subject_der``, ``issuer_der``: the encoded names.
    ``dns_names``, ``ip_addresses``: as ``domain.certificates.names`` spells them; ``left_out`` counts the others.
    ``names_mail``: it names a mail address. ``names_person``: it may name a person: by a mail address, by a name of
    another kind, or because it names no machine at all.
    ``crl_urls``, ``ca_urls``: where it says to find CRLs and its issuer's certificate; text, never fetched.
    """

    der: bytes
    fingerprint: str
    serial: str
    issuer_id: str
    issuer_name: str
    issuer_der: bytes
    subject_der: bytes
    spki_sha256: str
    key_algorithm: str
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    left_out: int
    not_before: datetime
    not_after: datetime
    is_ca: bool
    names_mail: bool
    names_person: bool
    crl_urls: tuple[str, ...]
    ca_urls: tuple[str, ...]


def read_foreign(der: bytes) -> ForeignCertificate:
    """Read one certificate (RFC 5280, DER).

    Raises :class:`InvalidInput` and nothing else: rules ``import-size`` and ``import-syntax``.
    """
    if len(der) > MAX_FOREIGN:
        raise InvalidInput(f"a certificate longer than {MAX_FOREIGN} bytes", rule="import-size", fix=_FIX)
    return _guarded(lambda: _read(x509.load_der_x509_certificate(der), der))


def _guarded(read: Callable[[], _T]) -> _T:
    try:
        return read()
    except _UNREADABLE as error:
        # The parser's own words may quote the input; they stay in the chain and out of the answer.
        raise InvalidInput("a certificate that cannot be read", rule="import-syntax", fix=_FIX) from error


def _read(certificate: x509.Certificate, der: bytes) -> ForeignCertificate:
    serial = _serial(certificate)
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    standing = read_standing(der)
    issuer_der, subject_der = certificate.issuer.public_bytes(), certificate.subject.public_bytes()
    general = _general_names(certificate)
    dns_names, addresses = _names(certificate, general)
    mail, strange = _names_mail(certificate, general), any(not isinstance(name, _MACHINES) for name in general)
    return ForeignCertificate(
        der=der,
        fingerprint=fingerprint(der),
        serial=serial,
        issuer_id=derived_id("foreign", fingerprint(issuer_der)),
        issuer_name=_text(certificate.issuer),
        issuer_der=issuer_der,
        subject_der=subject_der,
        spki_sha256=fingerprint(spki),
        key_algorithm=standing.key_algorithm if standing else "unknown",
        dns_names=dns_names,
        ip_addresses=addresses,
        left_out=_machines(general) - len(dns_names) - len(addresses) if general else 0,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        is_ca=_is_ca(certificate),
        names_mail=mail,
        names_person=mail or strange or not (dns_names or addresses),
        crl_urls=_addresses(_crl_points(certificate)),
        ca_urls=_addresses(_ca_issuers(certificate)),
    )


def _serial(certificate: x509.Certificate) -> str:
    if certificate.serial_number <= 0:
        sentence = "a certificate whose serial number is not positive (RFC 5280 section 4.1.2.2)"
        raise InvalidInput(sentence, rule="import-syntax", fix="replace it: others may refuse it, too")
    return f"{certificate.serial_number:x}"


def _extension(certificate: x509.Certificate, kind: type[_T]) -> _T | None:
    return next((one.value for one in certificate.extensions if isinstance(one.value, kind)), None)


def _general_names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    return list(_extension(certificate, x509.SubjectAlternativeName) or ())


def _names(certificate: x509.Certificate, general: list[x509.GeneralName]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the machines that it names; by its common name only where it has no alternative names, as of old."""
    texts = [str(name.value) for name in general if isinstance(name, (x509.DNSName, x509.IPAddress))]
    if not general:
        found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        texts = [str(attribute.value) for attribute in found]
    dns, addresses = _parsed(texts, parse_dns_name), _parsed(texts, parse_ip_address)
    return tuple(dict.fromkeys(dns)), tuple(dict.fromkeys(addresses))


def _parsed(texts: Iterable[str], parse: Callable[[str], str]) -> Iterator[str]:
    for text in texts:
        try:
            yield parse(text)
        except InvalidInput:
            continue


def _machines(general: list[x509.GeneralName]) -> int:
    return len({str(name.value) for name in general if isinstance(name, (x509.DNSName, x509.IPAddress))})


def _names_mail(certificate: x509.Certificate, general: list[x509.GeneralName]) -> bool:
    names = (certificate.subject, certificate.issuer)
    subjects = any(name.get_attributes_for_oid(NameOID.EMAIL_ADDRESS) for name in names)
    return subjects or any(isinstance(name, x509.RFC822Name) for name in general)


def _is_ca(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _text(name: x509.Name) -> str:
    """Return a name as RFC 4514 text, without mail addresses, and nothing in it that is not printable ASCII."""
    kept = x509.Name([one for one in name.rdns if not any(part.oid == NameOID.EMAIL_ADDRESS for part in one)])
    return _printable(kept.rfc4514_string())[:MAX_ISSUER_TEXT]


def _printable(text: str) -> str:
    return "".join(char if char in _SHOWN else "?" for char in text)


def _crl_points(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    for point in _extension(certificate, x509.CRLDistributionPoints) or ():
        yield from point.full_name or ()


def _ca_issuers(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    for one in _extension(certificate, x509.AuthorityInformationAccess) or ():
        if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS:
            yield one.access_location


def _addresses(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    texts = [_printable(name.value) for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return tuple(text for text in dict.fromkeys(texts) if len(text) <= MAX_ADDRESS_TEXT)[:MAX_ADDRESSES]

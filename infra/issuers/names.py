"""Subject alternative names and subjects: every name is in the SAN, the subject repeats at most one of them."""

from __future__ import annotations

import ipaddress
import re

import idna
from cryptography import x509
from cryptography.x509.oid import NameOID

from domain.certificates.names import MAX_COMMON_NAME, MAX_NAME
from domain.errors import InvalidInput

EMPTY_SUBJECT = x509.Name([])
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MOST_NAMES = 1000


def alternative_names(dns_names: tuple[str, ...], ip_addresses: tuple[str, ...]) -> x509.SubjectAlternativeName:
    """Build the SAN from checked names; raises :class:`domain.errors.InvalidInput`."""
    count = len(dns_names) + len(ip_addresses)
    if not 1 <= count <= _MOST_NAMES:
        raise InvalidInput(
            f"a certificate names 1 to {_MOST_NAMES} names, not {count}",
            rule="names-count",
            fix="spread the names over several certificates",
        )
    names: list[x509.GeneralName] = [x509.DNSName(checked_dns_name(name)) for name in dns_names]
    names += [x509.IPAddress(_address(text)) for text in ip_addresses]
    if len(set(names)) != count:
        raise InvalidInput("a name is given twice", rule="names-duplicate", fix="name it once")
    return x509.SubjectAlternativeName(names)


def subject(common_name: str | None, dns_names: tuple[str, ...], ip_addresses: tuple[str, ...]) -> x509.Name:
    """Return the subject: the common name where it is one of the names and fits, else nothing at all."""
    if not common_name:
        return EMPTY_SUBJECT
    if common_name not in dns_names and common_name not in ip_addresses:
        raise InvalidInput(
            "the common name is none of the names", rule="common-name", fix="leave it out or add the name"
        )
    if len(common_name) > MAX_COMMON_NAME:
        return EMPTY_SUBJECT
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def checked_dns_name(name: str) -> str:
    """Return a DNS name in preferred syntax (RFC 5280 section 4.2.1.6), lower case, ``*.`` at most at the front."""
    labels = name.removeprefix("*.").split(".")
    if len(name) > MAX_NAME or not all(_LABEL.fullmatch(label) and _is_ordinary(label) for label in labels):
        raise _bad_name(name)
    if labels[-1].isdigit() or (name.startswith("*.") and len(labels) == 1):
        raise _bad_name(name)
    return name


def _is_ordinary(label: str) -> bool:
    """Tell whether a label is plain LDH or a valid A-label (RFC 5890 section 2.3.1); other ``??--`` are reserved."""
    if label[2:4] != "--":
        return True
    try:
        return label.startswith("xn--") and idna.alabel(idna.ulabel(label)).decode() == label
    except idna.IDNAError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is no IP address", rule="name-syntax", fix="give it as text, for example 192.0.2.1"
        ) from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        fix = "leave out what follows the percent sign"
        raise InvalidInput(f"{text!r} has a zone, which no certificate can name", rule="name-syntax", fix=fix)
    return address


def _bad_name(name: str) -> InvalidInput:
    return InvalidInput(
        f"{name[:80]!r} is no DNS name that a certificate may hold",
        rule="name-syntax",
        fix="give A-labels in lower case; a wildcard is the whole first label, with a domain behind it",
    )

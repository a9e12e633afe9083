"""DNS names and IP addresses as certificates carry them: normalised, compared, covered by patterns.

One spelling per name: lower-case ASCII A-labels without a trailing dot (RFC 5280 section 7.2, RFC 5890 section 2.3),
addresses as RFC 5952 and dotted-quad text. What needs tables (public suffixes, the IDNA validity of an A-label) the
caller asks of a port; nothing here knows a table.

Single-label names (``localhost``, ``nas``) are names. A profile has to list each of them by itself: every pattern with
a star has at least two labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from domain.errors import InvalidInput

MAX_NAME = 253
"""Longest DNS name in text form, in characters (RFC 1035 section 2.3.4)."""

MAX_COMMON_NAME = 64
"""Longest common name, in characters (ub-common-name, RFC 5280 appendix A.1)."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", re.ASCII)
_MAX_LABEL = 63
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_IPV4_COMPATIBLE = IPv6Network("::/96")
_LOOPBACK = IPv6Address("::1")
_SHOWN = 80


def _refused(text: str, rule: str, sentence: str, fix: str) -> InvalidInput:
    # ascii(): what is shown in the answer cannot itself be a homoglyph, a line break or an escape sequence.
    return InvalidInput(f"{text[:_SHOWN]!a}: {sentence}", rule=rule, fix=fix)


def parse_dns_name(text: str) -> str:
    """Return the one spelling of a DNS name, which may have ``*`` as its whole left-most label.

    Raises :class:`InvalidInput` with one of the rules ``dns-name-not-ascii``, ``dns-name-length``,
    ``dns-name-wildcard``, ``dns-name-syntax`` and ``dns-name-is-address`` (RFC 1123 section 2.1, RFC 9525 section 6.3).
    """
    if not text.isascii():
        raise _refused(text, "dns-name-not-ascii", "not ASCII", "give the A-label (xn--…) of an international name")
    if len(text) > MAX_NAME:
        raise _refused(text, "dns-name-length", f"longer than {MAX_NAME} characters", "shorten the name")
    name = text.lower()
    base = name.removeprefix("*.")
    if "*" in base:
        raise _refused(text, "dns-name-wildcard", "a star is not the whole left-most label", "write *.example.test")
    labels = base.split(".")
    for label in labels:
        _check_label(text, label)
    if _NUMBER.fullmatch(labels[-1]):
        raise _refused(text, "dns-name-is-address", "ends in a number", "name addresses as addresses, not as DNS names")
    return name


def parse_host_name(text: str) -> str:
    """Return the one spelling of a DNS name that is one machine's: :func:`parse_dns_name` without a star."""
    name = parse_dns_name(text)
    if name.startswith("*."):
        raise _refused(text, "dns-name-wildcard", "a star names no single machine", "write the machine's full name")
    return name


def _check_label(text: str, label: str) -> None:
    if not label:
        raise _refused(text, "dns-name-syntax", "has an empty label", "leave out leading, trailing and double dots")
    if len(label) > _MAX_LABEL:
        raise _refused(text, "dns-name-length", f"a label is longer than {_MAX_LABEL} characters", "shorten the label")
    if not _LABEL.fullmatch(label):
        fix = "use a-z, 0-9 and inner hyphens (no underscore, space or control character)"
        raise _refused(text, "dns-name-syntax", "a label is not letters, digits and inner hyphens", fix)
    if label[2:4] == "--" and not label.startswith("xn--"):
        # RFC 5890 section 2.3.1: every other "??--" is reserved for encodings that do not exist.
        raise _refused(text, "dns-name-syntax", "a label has hyphens in its third and fourth place", "rename it")


def parse_ip_address(text: str) -> str:
    """Return the canonical text of an IPv4 or IPv6 address that can be a server's.

    Raises :class:`InvalidInput`, rule ``ip-address-syntax`` for what is no address (leading zeros, zone ids, short
    forms) and ``ip-address-kind`` for unspecified, broadcast, multicast and IPv4-in-IPv6 addresses.
    """
    if "%" in text:
        raise _refused(text, "ip-address-syntax", "has a zone id", "leave out what follows the percent sign")
    try:
        address = ip_address(text)
    except ValueError as error:
        fix = "write it like 192.0.2.7 (no leading zeros) or 2001:db8::7"
        raise _refused(text, "ip-address-syntax", "not an IP address", fix) from error
    if address.is_unspecified or address.is_multicast or address == IPv4Address("255.255.255.255"):
        raise _refused(text, "ip-address-kind", "is nobody's own address", "give the address that the host listens on")
    if isinstance(address, IPv6Address) and _hides_ipv4(address):
        raise _refused(text, "ip-address-kind", "is an IPv4 address inside IPv6", "give the IPv4 address")
    return str(address)


def _hides_ipv4(address: IPv6Address) -> bool:
    return address.ipv4_mapped is not None or (address in _IPV4_COMPATIBLE and address != _LOOPBACK)


def parse_pattern(text: str) -> str:
    """Return the one spelling of a profile's pattern: ``name``, ``*.name`` or ``**.name``.

    Raises :class:`InvalidInput` as :func:`parse_dns_name` does.
    """
    stars, base = _split(text)
    parsed = parse_dns_name(base)
    if "*" in parsed:
        raise _refused(text, "dns-name-wildcard", "has stars in two places", "write name, *.name or **.name")
    return f"{stars}.{parsed}" if stars else parsed


def _split(pattern: str) -> tuple[str, str]:
    # The stars in front of a pattern ("", "*" or "**") and the name behind them.
    for stars in ("**", "*"):
        if pattern.startswith(f"{stars}."):
            return stars, pattern[len(stars) + 1 :]
    return "", pattern


def covers(pattern: str, name: str) -> bool:
    """Tell whether a pattern allows a name; both as :func:`parse_pattern` and :func:`parse_dns_name` return them.

    A wildcard name (``*.shop.test``) is covered only where every name that it would match is: its star stands for
    exactly one label (RFC 9525 section 6.3), so that it counts as a label like any other.
    """
    return pattern in covering_patterns(name)


def covering_patterns(name: str) -> Iterator[str]:
    """Yield every pattern that covers a name; a handful, however many patterns a profile has."""
    yield name
    _, _, above = name.partition(".")
    if above:
        yield f"*.{above}"
    while above:
        yield f"**.{above}"
        _, _, above = above.partition(".")


def wildcard_bases(names: Iterable[str]) -> frozenset[str]:
    """Return what stands behind the star of each wildcard name: ``*.shop.test`` gives ``shop.test``."""
    return frozenset(name.removeprefix("*.") for name in names if name.startswith("*."))


def a_labels(names: Iterable[str]) -> frozenset[str]:
    """Return the labels of these names that claim to encode an international label (``xn--…``)."""
    return frozenset(label for name in names for label in name.split(".") if label.startswith("xn--"))

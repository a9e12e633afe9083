"""Names have one spelling, and a pattern covers exactly what it says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.certificates.names import (
    a_labels,
    covers,
    parse_dns_name,
    parse_host_name,
    parse_ip_address,
    parse_pattern,
    wildcard_bases,
)
from domain.errors import InvalidInput

LONGEST_LABEL = "a" * 63
LONGEST_NAME = ".".join([LONGEST_LABEL] * 3 + ["a" * 61])

GOOD_NAMES = [
    ("shop.test", "shop.test"),
    ("SHOP.Test", "shop.test"),
    ("*.shop.test", "*.shop.test"),
    ("localhost", "localhost"),
    ("a.b-c.0d.test", "a.b-c.0d.test"),
    ("123.test", "123.test"),
    ("xn--mnchen-3ya.test", "xn--mnchen-3ya.test"),
    (f"{LONGEST_LABEL}.test", f"{LONGEST_LABEL}.test"),
    (LONGEST_NAME, LONGEST_NAME),
]
BAD_NAMES = [
    ("", "dns-name-syntax"),
    (".", "dns-name-syntax"),
    ("shop.test.", "dns-name-syntax"),
    (".shop.test", "dns-name-syntax"),
    ("shop..test", "dns-name-syntax"),
    ("-shop.test", "dns-name-syntax"),
    ("shop-.test", "dns-name-syntax"),
    ("my_shop.test", "dns-name-syntax"),
    ("shop .test", "dns-name-syntax"),
    ("shop.test\n", "dns-name-syntax"),
    ("shop.test\x00.evil.test", "dns-name-syntax"),
    ("shop\x7f.test", "dns-name-syntax"),
    ("shop.test:443", "dns-name-syntax"),
    ("user@shop.test", "dns-name-syntax"),
    ("https://shop.test", "dns-name-syntax"),
    ("ab--cd.test", "dns-name-syntax"),
    ("münchen.test", "dns-name-not-ascii"),
    ("shоp.test", "dns-name-not-ascii"),  # noqa: RUF001 - a Cyrillic o is the attack
    ("\u212a.test", "dns-name-not-ascii"),  # the Kelvin sign, whose lower case is an ASCII k
    ("shop\u3002test", "dns-name-not-ascii"),  # an ideographic full stop, a dot to IDNA
    ("shop\u200b.test", "dns-name-not-ascii"),
    ("*", "dns-name-wildcard"),
    ("**.shop.test", "dns-name-wildcard"),
    ("w*.shop.test", "dns-name-wildcard"),
    ("*w.shop.test", "dns-name-wildcard"),
    ("www.*.test", "dns-name-wildcard"),
    ("*.*.test", "dns-name-wildcard"),
    ("xn--*.test", "dns-name-wildcard"),
    ("*.", "dns-name-syntax"),
    ("192.0.2.7", "dns-name-is-address"),
    ("0x7f.1", "dns-name-is-address"),
    ("shop.0x7f", "dns-name-is-address"),
    ("2130706433", "dns-name-is-address"),
    ("shop.123", "dns-name-is-address"),
    ("*.1", "dns-name-is-address"),
    ("::1", "dns-name-syntax"),
    ("a" * 64 + ".test", "dns-name-length"),
    (LONGEST_NAME + "a", "dns-name-length"),
]
BAD_ADDRESSES = [
    ("", "ip-address-syntax"),
    ("192.0.2.07", "ip-address-syntax"),
    ("192.0.2", "ip-address-syntax"),
    ("0x7f000001", "ip-address-syntax"),
    ("2130706433", "ip-address-syntax"),
    (" 192.0.2.7", "ip-address-syntax"),
    ("192.0.2.7/32", "ip-address-syntax"),
    ("١٩٢.0.2.7", "ip-address-syntax"),
    ("fe80::1%eth0", "ip-address-syntax"),
    ("[2001:db8::7]", "ip-address-syntax"),
    ("0.0.0.0", "ip-address-kind"),  # the unspecified address is the case
    ("::", "ip-address-kind"),
    ("::ffff:192.0.2.7", "ip-address-kind"),
    ("::ffff:c000:207", "ip-address-kind"),
    ("::192.0.2.7", "ip-address-kind"),
    ("224.0.0.1", "ip-address-kind"),
    ("ff02::1", "ip-address-kind"),
    ("255.255.255.255", "ip-address-kind"),
]
COVERAGE = [
    ("shop.test", "shop.test", True),
    ("shop.test", "a.shop.test", False),
    ("shop.test", "*.shop.test", False),
    ("shop.test", "myshop.test", False),
    ("*.shop.test", "a.shop.test", True),
    ("*.shop.test", "shop.test", False),
    ("*.shop.test", "a.b.shop.test", False),
    ("*.shop.test", "a.myshop.test", False),
    ("*.shop.test", "*.shop.test", True),
    ("*.shop.test", "*.a.shop.test", False),
    ("*.test", "*.shop.test", False),
    ("**.shop.test", "a.shop.test", True),
    ("**.shop.test", "a.b.c.shop.test", True),
    ("**.shop.test", "shop.test", False),
    ("**.shop.test", "evilshop.test", False),
    ("**.shop.test", "*.shop.test", True),
    ("**.shop.test", "*.a.shop.test", True),
    ("**.a.shop.test", "*.shop.test", False),
    ("*.shop.test", "shop.test.evil.test", False),
]


@pytest.mark.parametrize(("text", "name"), GOOD_NAMES)
def test_a_name_has_one_spelling(text, name):
    """Upper case is folded, everything else of a good name stays; reading it again changes nothing."""
    assert name == parse_dns_name(text) == parse_dns_name(parse_dns_name(text))


@pytest.mark.parametrize(("text", "rule"), BAD_NAMES)
def test_a_bad_name_is_refused_by_its_rule(text, rule):
    """Each trick is refused with its own rule, a fix, and an answer that is plain printable ASCII."""
    with pytest.raises(InvalidInput) as refused:
        parse_dns_name(text)

    assert rule == refused.value.rule
    assert refused.value.fix
    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()


@pytest.mark.parametrize(
    ("text", "address"),
    [("192.0.2.7", "192.0.2.7"), ("2001:DB8:0:0::7", "2001:db8::7"), ("::1", "::1"), ("127.0.0.1", "127.0.0.1")],
)
def test_an_address_has_one_spelling(text, address):
    """IPv6 text is compressed and in lower case (RFC 5952)."""
    assert address == parse_ip_address(text)


@pytest.mark.parametrize(("text", "rule"), BAD_ADDRESSES)
def test_a_bad_address_is_refused_by_its_rule(text, rule):
    """What is no address, or nobody's own, is refused."""
    with pytest.raises(InvalidInput) as refused:
        parse_ip_address(text)

    assert rule == refused.value.rule


@pytest.mark.parametrize(("pattern", "name", "expected"), COVERAGE)
def test_a_pattern_covers_what_it_says(pattern, name, expected):
    """One star is one label, two are any number, and a wildcard name counts with every name that it matches."""
    assert expected == covers(parse_pattern(pattern), parse_dns_name(name))


def test_a_host_has_no_star():
    """A wildcard is a name for a certificate, never for a machine."""
    assert parse_host_name("WEB1.shop.test") == "web1.shop.test"
    with pytest.raises(InvalidInput, match="star"):
        parse_host_name("*.shop.test")


@pytest.mark.parametrize("text", ["*", "**", "***.test", "**.*.test", "*.**.test", "a.*.test", "", "*.", "**.1"])
def test_a_bad_pattern_is_refused(text):
    """A pattern is a name with at most one kind of star in front."""
    with pytest.raises(InvalidInput):
        parse_pattern(text)


def test_bases_and_a_labels_are_what_the_tables_are_asked_for():
    """The facts that need tables are drawn from the names by two pure functions."""
    names = ("*.shop.test", "xn--a.xn--b.test", "b.test")

    assert frozenset({"shop.test"}) == wildcard_bases(names)
    assert frozenset({"xn--a", "xn--b"}) == a_labels(names)


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_refused(text):
    """Nothing but InvalidInput comes out, and what is accepted is stable."""
    for parse in (parse_dns_name, parse_ip_address, parse_pattern):
        try:
            parsed = parse(text)
        except InvalidInput:
            continue
        assert parsed == parse(parsed)


LABEL = st.from_regex(r"[a-z]([a-z0-9]{0,5}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABEL, min_size=1, max_size=4), st.lists(LABEL, min_size=1, max_size=3))
def test_a_covered_wildcard_matches_only_covered_names(inner, base):
    """Where a pattern covers ``*.x``, it covers every ``label.x``: the star can never widen a profile."""
    pattern_base, name_base = ".".join(base), ".".join((*inner[1:], *base))
    for pattern in (pattern_base, f"*.{pattern_base}", f"**.{pattern_base}"):
        if covers(pattern, f"*.{name_base}"):
            assert covers(pattern, f"{inner[0]}.{name_base}")

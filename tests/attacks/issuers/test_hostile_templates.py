"""Hostile names and keys: refused with a rule of the domain, and never a parser's stack trace."""

import asyncio
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidInput
from tests.support.authorities import make_hierarchy, new_spki, template

HIERARCHY = asyncio.run(make_hierarchy())
SPKI = new_spki()
WANTED = template(SPKI, "a.shop.test")

BAD_NAMES = [
    "",
    ".",
    "A.shop.test",  # upper case: two spellings of one name
    "a.shop.test.",
    ".shop.test",
    "a..shop.test",
    "a_b.shop.test",
    "-a.shop.test",
    "a-.shop.test",
    "a" * 64 + ".shop.test",
    ".".join(["a" * 60] * 5),
    "*",
    "*.test*",
    "*.*.shop.test",
    "a.*.shop.test",
    "w*.shop.test",
    "*shop.test",
    "*.",
    "*.com\0.shop.test",  # a name that ends early in C
    "a.shop.test\0.evil.test",
    "a.shop.test\n",
    "a.shop.test ",
    " a.shop.test",
    "192.0.2.1",  # an address that poses as a name
    "a.1",
    "http://a.shop.test",
    "a.shop.test:443",
    "a.shop.test/x",
    "user@shop.test",
    "bücher.shop.test",
    "аpple.test",  # noqa: RUF001 - the Cyrillic letter is the attack
    "xn--a.shop.test",
    "xn--bcher-kva8445foa.shop.test\u200d",
    "xn--.shop.test",
    "ab--cd.shop.test",  # reserved LDH label
    "xn--1234567890.shop.test",
    "xn--BCHER-kva.shop.test",
    "a.shop.test,b.shop.test",
    "DNS:a.shop.test",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_dns_names_are_refused(name):
    """Whatever is no plain host name or whole-label wildcard is refused, as the only name and beside a good one."""
    for names in ((name,), ("ok.shop.test", name)):
        with pytest.raises(InvalidInput):
            HIERARCHY.issuers.prepare(replace(WANTED, dns_names=names, common_name=None))


BAD_ADDRESSES = [
    "",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.01",
    "0xc0000201",
    "3221225985",
    "::1%eth0",
    "::1/128",
    "192.0.2.1 ",
    "a",
]


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_bad_addresses_are_refused(address):
    """Only one plain spelling of an address is accepted."""
    with pytest.raises(InvalidInput):
        HIERARCHY.issuers.prepare(replace(WANTED, ip_addresses=(address,)))


def bad_keys():
    """Make keys of kinds and sizes that nobody should certify."""
    keys = {
        "rsa-1024": rsa.generate_private_key(65537, 1024),
        "rsa-e3": rsa.generate_private_key(3, 2048),
        "p521": ec.generate_private_key(ec.SECP521R1()),
        "secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "ed448": ed448.Ed448PrivateKey.generate(),
        "x25519": x25519.X25519PrivateKey.generate(),
        "dsa": dsa.generate_private_key(1024),
    }
    spkis = {
        name: key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        for name, key in keys.items()
    }
    off_curve = bytearray(SPKI)
    off_curve[-1] ^= 1
    return spkis | {
        "empty": b"",
        "rubbish": b"\x30\x80rubbish",
        "cut off": SPKI[:-1],
        "trailing": SPKI + b"\0",
        "off curve": bytes(off_curve),
        "infinity": SPKI[:26] + b"\0",
        "long length": b"\x30\x84\xff\xff\xff\xff" + SPKI[2:],
        "pem": b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    }


def test_bad_keys_are_refused():
    """Weak, unusual, damaged and off-curve keys are refused as the subject's key."""
    for name, spki in bad_keys().items():
        with pytest.raises(InvalidInput) as refused:
            HIERARCHY.issuers.prepare(replace(WANTED, spki_der=spki))
        assert refused.value.rule == "subject-key", name


@given(st.binary(max_size=200) | st.tuples(st.integers(0, len(SPKI) - 1), st.integers(1, 255)))
@settings(max_examples=300)
def test_no_bytes_of_a_key_break_the_parser(given_):
    """Random bytes and single changed bytes give InvalidInput or a certificate that parses."""
    spki = (
        given_
        if isinstance(given_, bytes)
        else SPKI[: given_[0]] + bytes([SPKI[given_[0]] ^ given_[1]]) + SPKI[given_[0] + 1 :]
    )
    try:
        prepared = HIERARCHY.issuers.prepare(replace(WANTED, spki_der=spki))
    except InvalidInput:
        return
    x509.load_der_x509_certificate(asyncio.run(HIERARCHY.issuers.sign(prepared)))


@given(st.text(max_size=40))
@settings(max_examples=300)
def test_no_text_breaks_the_names(text):
    """Any text as name, address or common name is refused as input, or comes back exactly as it was given."""
    for change in ({"dns_names": (text,)}, {"ip_addresses": (text,)}, {"common_name": text}):
        wanted = replace(WANTED, common_name=None)
        wanted = replace(wanted, **change)
        try:
            prepared = HIERARCHY.issuers.prepare(wanted)
        except InvalidInput:
            continue
        der = asyncio.run(HIERARCHY.issuers.sign(prepared))
        names = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        assert tuple(names.value.get_values_for_type(x509.DNSName)) == wanted.dns_names


def test_a_great_many_names():
    """A thousand names are the limit; a million are refused before any work is done with them."""
    many = tuple(f"n{number}.test" for number in range(1000))

    assert HIERARCHY.issuers.prepare(replace(WANTED, dns_names=many, common_name=None))
    with pytest.raises(InvalidInput) as refused:
        HIERARCHY.issuers.prepare(replace(WANTED, dns_names=many * 1000, common_name=None))
    assert refused.value.rule == "names-count"

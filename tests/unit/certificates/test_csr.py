"""A good CSR gives its key and names; its names may only repeat what was approved."""

from __future__ import annotations

import base64
import hashlib
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.certificates.csr import match, read_csr
from domain.errors import InvalidInput
from tests.support.csrs import extension_request, make_csr, p256, raw_csr, rsa_key, san, tlv

SHOP = x509.DNSName("Shop.test")
HOME = x509.IPAddress(ip_address("2001:db8::7"))


def pem(der: bytes, word: str = "CERTIFICATE REQUEST", end: str = "\n") -> bytes:
    """Return the PEM form of a CSR."""
    text = base64.encodebytes(der).decode().replace("\n", end)
    return f"-----BEGIN {word}-----{end}{text}-----END {word}-----{end}".encode()


def test_everything_that_matters_is_read():
    """Key, fingerprint, names and common name come out in their one spelling."""
    der = make_csr(p256(), SHOP, HOME, common_names=["SHOP.test"])
    spki = p256().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    request = read_csr(der)

    assert (der, spki) == (request.der, request.spki_der)
    assert hashlib.sha256(spki).hexdigest() == request.spki_sha256
    assert ("shop.test",) == request.dns_names
    assert ("2001:db8::7",) == request.ip_addresses
    assert request.common_name == "shop.test"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (p256, "EC-P256"),
        (lambda: ec.generate_private_key(ec.SECP384R1()), "EC-P384"),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519"),
        (rsa_key, "RSA-2048"),
        (lambda: rsa_key(3072), "RSA-3072"),
    ],
)
def test_each_key_algorithm_is_named(key, algorithm):
    """Algorithm and size are read from the key itself."""
    assert algorithm == read_csr(make_csr(key(), SHOP)).key_algorithm


@pytest.mark.parametrize("word", ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_pem_gives_the_same_as_der(word, end):
    """Both PEM labels and both line ends are read, with white space around them."""
    der = make_csr(p256(), SHOP)

    assert read_csr(der) == read_csr(b"\n" + pem(der, word, end) + b"\n")


def test_a_csr_without_names_is_read():
    """Agents send bare CSRs: the names come from the approved order."""
    request = read_csr(make_csr(p256()))

    assert ((), (), None) == (request.dns_names, request.ip_addresses, request.common_name)


def test_a_repeated_name_counts_once():
    """The same name in two spellings is one name."""
    assert read_csr(make_csr(p256(), SHOP, x509.DNSName("shop.TEST"))).dns_names == ("shop.test",)


def test_other_wishes_have_no_effect():
    """Key usage, extended key usage and unknown extensions in a CSR change nothing."""
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.CODE_SIGNING])
    plain, wishing = make_csr(p256(), SHOP), make_csr(p256(), SHOP, extensions=[unknown, usage])

    assert read_csr(plain).spki_sha256 == read_csr(wishing).spki_sha256
    assert read_csr(plain).dns_names == read_csr(wishing).dns_names


def test_the_hostile_builder_can_make_an_honest_csr():
    """What the attacks change is the only thing at fault: unchanged, the same bytes are read."""
    assert read_csr(raw_csr(extension_request(san(tlv(0x82, b"shop.test"))))).dns_names == ("shop.test",)


@pytest.mark.parametrize(
    ("names", "common_names"),
    [([], []), ([SHOP], []), ([SHOP, HOME], ["shop.test"]), ([], ["shop.test"]), ([HOME], ["2001:db8::7"])],
)
def test_a_csr_may_name_the_approved_names_or_fewer(names, common_names):
    """Every subset of the approved names matches, none included."""
    request = read_csr(make_csr(p256(), *names, common_names=common_names))

    match(request, dns_names=["shop.test", "www.shop.test"], ip_addresses=["2001:db8::7"])


@pytest.mark.parametrize(
    ("names", "common_names"),
    [
        ([x509.DNSName("evil.test")], []),
        ([SHOP, x509.DNSName("a.shop.test")], []),
        ([SHOP, x509.DNSName("*.test")], []),
        ([x509.IPAddress(ip_address("192.0.2.66"))], []),
        ([SHOP], ["evil.test"]),
        ([SHOP], ["192.0.2.66"]),
    ],
)
def test_any_other_name_is_refused(names, common_names):
    """One name beyond the approved ones, wherever it stands, refuses the CSR."""
    request = read_csr(make_csr(p256(), *names, common_names=common_names))

    with pytest.raises(InvalidInput) as refused:
        match(request, dns_names=["shop.test"], ip_addresses=["2001:db8::7"])

    assert refused.value.rule == "csr-names-differ"


def test_an_approved_wildcard_is_not_a_pattern():
    """An approved ``*.shop.test`` allows that very name, not the names that it matches."""
    with pytest.raises(InvalidInput):
        match(
            read_csr(make_csr(p256(), x509.DNSName("a.shop.test"))),
            dns_names=["*.shop.test"],
            ip_addresses=[],
        )

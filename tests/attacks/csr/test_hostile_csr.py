"""What an attacker sends in place of a CSR, and the rule that each attempt meets."""

from __future__ import annotations

import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.certificates.csr import MAX_CSR, read_csr
from domain.errors import InvalidInput
from tests.support.csrs import (
    CHALLENGE_PASSWORD,
    EXTENSION_REQUEST,
    attribute,
    extension_request,
    make_csr,
    p256,
    raw_csr,
    rsa_key,
    san,
    subject,
    tlv,
)

NAME = san(tlv(0x82, b"shop.test"))
BASIC_CA = tlv(0x30, bytes.fromhex("0603551d13"), tlv(0x04, bytes.fromhex("30030101ff")))
BROKEN_USAGE = tlv(0x30, bytes.fromhex("0603551d0f"), tlv(0x04, b"\x30\x00"))


def honest() -> bytes:
    return make_csr(p256(), x509.DNSName("shop.test"))


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE REQUEST-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE REQUEST-----\n"


def refused(data: bytes) -> str:
    """Return the rule that refuses these bytes; its answer is plain and has a fix."""
    with pytest.raises(InvalidInput) as caught:
        read_csr(data)
    assert caught.value.fix
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    return caught.value.rule


FRAMES = {
    "nothing": (lambda: b"", "csr-pem"),
    "text": (lambda: b"hello", "csr-pem"),
    "too long": (lambda: honest() + b"\0" * MAX_CSR, "csr-size"),
    "DER and a byte": (lambda: honest() + b"\0", "csr-syntax"),
    "two DER": (lambda: honest() * 2, "csr-syntax"),
    "cut DER": (lambda: honest()[:-1], "csr-syntax"),
    "two PEM": (lambda: pem(honest()) * 2, "csr-pem"),
    "text before PEM": (lambda: b"x" + pem(honest()), "csr-pem"),
    "text after PEM": (lambda: pem(honest()) + b"x", "csr-pem"),
    "a certificate's label": (lambda: pem(honest()).replace(b"CERTIFICATE REQUEST", b"CERTIFICATE"), "csr-pem"),
    "a private key behind": (lambda: pem(honest()) + b"-----BEGIN PRIVATE KEY-----\n", "csr-pem"),
    "two labels": (lambda: pem(honest()).replace(b"BEGIN CERT", b"BEGIN NEW CERT"), "csr-pem"),
    "bad base64": (lambda: pem(honest()).replace(b"\n-----END", b"=\n-----END"), "csr-pem"),
    "PEM of DER and a byte": (lambda: pem(honest() + b"\0"), "csr-syntax"),
    "indefinite length": (lambda: b"\x30\x80" + honest()[4:] + b"\0\0", "csr-syntax"),
    "deep nesting": (lambda: b"\x30\x84\xff\xff\xff\xff" * 5000, "csr-syntax"),
}
ATTRIBUTES = {
    "version 1": (lambda: raw_csr(version=1), "csr-syntax"),
    "version 2": (lambda: raw_csr(version=2), "csr-syntax"),
    "a field too many": (lambda: raw_csr(trailing=tlv(0x04, b"x")), "csr-syntax"),
    "two extensionRequests": (lambda: raw_csr(extension_request(NAME), extension_request(NAME)), None),
    "two SANs": (lambda: raw_csr(extension_request(NAME, NAME)), "csr-syntax"),
    "two values": (lambda: raw_csr(attribute(EXTENSION_REQUEST, tlv(0x30, NAME), tlv(0x30, NAME))), None),
    "no value": (lambda: raw_csr(attribute(EXTENSION_REQUEST)), None),
    "a password": (lambda: raw_csr(attribute(CHALLENGE_PASSWORD, tlv(0x0C, b"secret"))), "csr-challenge-password"),
    "a CA": (lambda: raw_csr(extension_request(BASIC_CA)), "csr-ca"),
    "a broken extension": (lambda: raw_csr(extension_request(NAME, BROKEN_USAGE)), "csr-syntax"),
    "an empty SAN": (lambda: raw_csr(extension_request(san())), "csr-names-empty"),
    "a SAN of garbage": (lambda: raw_csr(extension_request(san(b"\xff\xff\xff"))), "csr-syntax"),
}
NAMES = {
    "mail": (lambda: raw_csr(extension_request(san(tlv(0x81, b"a@shop.test")))), "csr-name-type"),
    "URI": (lambda: raw_csr(extension_request(san(tlv(0x86, b"spiffe://shop.test/a")))), "csr-name-type"),
    "otherName": (
        lambda: make_csr(p256(), x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01a")),
        "csr-name-type",
    ),
    "directoryName": (lambda: make_csr(p256(), x509.DirectoryName(subject("a"))), "csr-name-type"),
    "registeredID": (lambda: make_csr(p256(), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))), "csr-name-type"),
    "x400Address": (lambda: raw_csr(extension_request(san(tlv(0xA3, b"")))), "csr-syntax"),
    "a network": (lambda: raw_csr(extension_request(san(tlv(0x87, b"\x0a\0\0\0\xff\0\0\0")))), None),
    "a short address": (lambda: raw_csr(extension_request(san(tlv(0x87, b"\x0a\0\0")))), "csr-syntax"),
    "a mapped address": (
        lambda: raw_csr(extension_request(san(tlv(0x87, bytes(10) + b"\xff\xff\x0a\0\0\1")))),
        "ip-address-kind",
    ),
    "NUL in a name": (lambda: raw_csr(extension_request(san(tlv(0x82, b"shop.test\0.evil.test")))), "dns-name-syntax"),
    "UTF-8 in a name": (lambda: raw_csr(extension_request(san(tlv(0x82, "shöp.test".encode())))), None),
    "an empty name": (lambda: raw_csr(extension_request(san(tlv(0x82, b"")))), "dns-name-syntax"),
    "a bare star": (lambda: raw_csr(extension_request(san(tlv(0x82, b"*")))), "dns-name-wildcard"),
    "101 names": (
        lambda: make_csr(p256(), *(x509.DNSName(f"a{n}.shop.test") for n in range(101))),
        "csr-names-at-most",
    ),
    "two common names": (lambda: make_csr(p256(), common_names=["a.test", "b.test"]), "csr-common-name"),
    "a common name of words": (lambda: make_csr(p256(), common_names=["My shop"]), "csr-common-name"),
    "a homoglyph common name": (lambda: make_csr(p256(), common_names=["sh\u043ep.test"]), "csr-common-name"),
    "a common name with NUL": (lambda: make_csr(p256(), common_names=["shop.test\0.evil"]), "csr-common-name"),
    "a common name of bad UTF-8": (
        lambda: raw_csr(name=tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403"), tlv(0x0C, b"\xff\xfe"))))),
        "csr-syntax",
    ),
}


@pytest.mark.parametrize("attack", FRAMES)
def test_bytes_around_and_inside_the_frame(attack):
    """Exactly one whole CSR is read, with nothing before, behind or missing."""
    make, rule = FRAMES[attack]

    assert rule == refused(make())


@pytest.mark.parametrize("attack", ATTRIBUTES | NAMES)
def test_contents_that_lie(attack):
    """Each trick in version, attributes, extensions and names is refused, by its own rule where it has one."""
    make, rule = (ATTRIBUTES | NAMES)[attack]
    met = refused(make())

    assert met == (rule or met)


def test_a_signature_by_another_key_proves_nothing():
    """Somebody else's public key with one's own signature is refused: no proof of possession."""
    mine = ec.generate_private_key(ec.SECP256R1()).public_key()
    spki = mine.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert refused(raw_csr(spki=spki)) == "csr-signature"


@pytest.mark.parametrize("digest", ["sha1", "sha224"])
def test_a_weak_digest_is_refused(digest):
    """A true signature over SHA-1 or a 224-bit digest is refused all the same."""
    assert refused(raw_csr(digest=digest)) == "csr-signature-algorithm"


def test_a_digest_of_another_family_is_refused():
    """SHA-3 is strong, but not what these requests are signed with."""
    assert refused(make_csr(rsa_key(), digest=hashes.SHA3_256())) == "csr-signature-algorithm"

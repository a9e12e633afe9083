"""Reading what lives: ours and foreign certificates, and bytes that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from domain.certificates.standing import read_standing

START = datetime(2026, 11, 23, tzinfo=UTC)
KEYS: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey] = {
    "RSA-2048": rsa.generate_private_key(65537, 2048),
    "EC-P256": ec.generate_private_key(ec.SECP256R1()),
    "EC-P521": ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def certificate(key: str = "EC-P256", *, policy: str = "", names: tuple[x509.GeneralName, ...] = ()) -> bytes:
    """Return a self-signed certificate (DER) of a hundred days."""
    private = KEYS[key]
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, private.public_key(), 7)
    builder = builder.not_valid_before(START).not_valid_after(START + timedelta(days=100, seconds=-1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    if policy:
        told = x509.PolicyInformation(x509.ObjectIdentifier(policy), None)
        builder = builder.add_extension(x509.CertificatePolicies([told]), critical=False)
    digest = None if key == "Ed25519" else hashes.SHA384()
    return builder.sign(private, digest).public_bytes(Encoding.DER)


@pytest.mark.parametrize("key", KEYS)
def test_any_key_has_a_name(key):
    """Keys that we would not certify are named, too."""
    standing = read_standing(certificate(key))

    assert key == standing.key_algorithm
    assert ("" if key == "Ed25519" else "sha384") == standing.signature_hash


def test_validity_counts_both_ends():
    """A hundred days are a hundred days, not a second less."""
    assert 100 * 86_400 == read_standing(certificate()).validity


@pytest.mark.parametrize(
    ("policy", "expected"), [("2.23.140.1.2.1", True), ("2.23.140.1.1", True), ("1.2.3", False), ("", False)]
)
def test_a_policy_says_that_it_is_for_the_public(policy, expected):
    """The Forum's certificate policies are the issuer's word that its rules bind."""
    assert expected == read_standing(certificate(policy=policy)).public_trust


def test_names_that_are_no_names_are_left_out():
    """Mail addresses, directory names and odd DNS names do not stop the reading."""
    names = (x509.DNSName("www.shop.test"), x509.RFC822Name("a@shop.test"), x509.DNSName("under_score.test"))

    assert ("www.shop.test",) == read_standing(certificate(names=names)).dns_names


@given(st.binary(max_size=300))
def test_any_bytes_are_a_certificate_or_none(data):
    """Nothing but a value or None comes out of foreign bytes."""
    assert read_standing(data) is None


@given(st.integers(0, 8 * 200 - 1))
def test_every_turned_bit_is_a_certificate_or_none(bit):
    """A damaged certificate stops nobody's sweep."""
    der = bytearray(certificate(names=(x509.DNSName("www.shop.test"),), policy="2.23.140.1.2.1"))
    der[bit // 8] ^= 1 << bit % 8

    read_standing(bytes(der))

"""Keys held for others: made once under an id, packed for their own certificate only, named for whoever opens them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from domain.errors import NotFound, WrongState
from domain.profiles.spec import KeyAlgorithm
from infra.issuers.extensions import leaf_usage
from infra.keystore.custody import KeyStoreCustody
from infra.keystore.pkcs12 import random_password
from tests.support.keystores import NOON, MemoryKeyStore


def leaf_of(spki_der: bytes, *names: str) -> bytes:
    """Return a certificate (DER) for a public key, signed by anybody."""
    signer, nobody = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    public: Any = load_der_public_key(spki_der)
    builder = x509.CertificateBuilder(nobody, nobody, public, 1, NOON, NOON + timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("algorithm", get_args(KeyAlgorithm))
async def test_a_key_is_made_once_and_opens_as_what_it_is(algorithm):
    """The same id gives the same key again; the file holds it, under the leaf's first name."""
    custody = KeyStoreCustody(MemoryKeyStore())
    made, again = [await custody.make("held-1", algorithm) for _ in range(2)]
    chain = [leaf_of(made.spki_der, "box.shop.test", "b.shop.test")]
    package = await custody.pack("held-1", chain, form="aes-256")
    content = load_pkcs12(package.pkcs12.reveal(), package.password.reveal())

    assert made == again
    assert made.algorithm == algorithm
    assert content.cert.friendly_name == b"box.shop.test"
    assert "***" in repr(package)


async def test_a_key_is_packed_for_its_own_certificate_only():
    """A chain for another key is refused, and so is a key that is not there."""
    custody = KeyStoreCustody(MemoryKeyStore())
    one, other = await custody.make("held-1", "EC-P256"), await custody.make("held-2", "EC-P256")
    with pytest.raises(WrongState, match="another key"):
        await custody.pack(one.key_id, [leaf_of(other.spki_der)], form="aes-256")
    with pytest.raises(NotFound):
        await custody.pack("held-3", [leaf_of(one.spki_der)], form="aes-256")


def test_passwords_are_random_and_plain():
    """Two hundred bits in forty letters and digits that need no quoting."""
    drawn = {random_password().reveal() for _ in range(100)}

    assert len(drawn) == 100
    assert all(len(one) == 40 and one.isalnum() for one in drawn)


@pytest.mark.parametrize(
    ("algorithm", "names", "says"),
    [
        ("RSA-2048", (), {"digital_signature", "key_encipherment"}),
        ("RSA-2048", ("keyEncipherment",), {"key_encipherment"}),
        ("EC-P256", (), {"digital_signature"}),
        ("EC-P256", ("keyAgreement",), {"key_agreement"}),
    ],
)
async def test_a_certificate_says_what_its_key_may_do(algorithm, names, says):
    """Key usage is what the profile names, else what the algorithm is for (RFC 5280 section 4.2.1.3)."""
    made = await KeyStoreCustody(MemoryKeyStore()).make("held-1", algorithm)
    bits = leaf_usage(load_der_public_key(made.spki_der), names).value.public_bytes()

    assert {name for name, mask in _BITS.items() if bits[3] & mask} == says


_BITS = {"digital_signature": 0x80, "key_encipherment": 0x20, "key_agreement": 0x08}

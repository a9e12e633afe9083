"""Whatever the bytes: a SigningRequest or InvalidInput, nothing else."""

from __future__ import annotations

from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.certificates.csr import read_csr
from domain.errors import InvalidInput
from tests.support.csrs import attribute, extension_request, make_csr, p256, raw_csr, rsa_key, san, tlv

EXAMPLES = 150


@cache
def seeds() -> tuple[bytes, ...]:
    """Return honest requests of several shapes, for mutation."""
    names = (x509.DNSName("*.shop.test"), x509.DNSName("shop.test"))
    limits = x509.BasicConstraints(ca=False, path_length=None)
    return (
        make_csr(p256(), *names, common_names=["shop.test"], extensions=[limits]),
        make_csr(rsa_key(), *names),
        make_csr(ed25519.Ed25519PrivateKey.generate(), *names),
        raw_csr(),
    )


def never_raises_anything_else(data: bytes) -> None:
    try:
        read_csr(data)
    except InvalidInput as error:
        refused = error
    else:
        return
    assert refused.message.isascii()
    assert refused.message.isprintable()
    assert refused.fix


@given(st.binary(max_size=400))
def test_arbitrary_bytes(data):
    """Random bytes are refused as bad input, as PEM or as DER."""
    never_raises_anything_else(data)
    never_raises_anything_else(b"\x30" + data)
    never_raises_anything_else(b"-----BEGIN CERTIFICATE REQUEST-----\n" + data)


@pytest.mark.parametrize("seed", range(4))
@settings(max_examples=EXAMPLES)
@given(st.data())
def test_mutated_requests(seed, data):
    """Bytes of real requests are changed, cut out and doubled anywhere."""
    der = bytearray(seeds()[seed])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(der) - 1))
        piece = data.draw(st.binary(max_size=3))
        der[at : at + data.draw(st.integers(0, 3))] = piece
        der = der or bytearray(b"\x30")
    never_raises_anything_else(bytes(der))


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=60), st.sampled_from(range(0x80, 0xB0)), st.binary(max_size=60), st.binary(max_size=60))
def test_truly_signed_garbage_inside(name, tag, value, subject):
    """The garbage stands in fields that are read late, under a signature that holds."""
    names = extension_request(san(tlv(tag, name)))
    never_raises_anything_else(raw_csr(names))
    never_raises_anything_else(raw_csr(attribute(tlv(0x06, b"\x2a\x03"), value)))
    never_raises_anything_else(raw_csr(value))
    never_raises_anything_else(raw_csr(name=tlv(0x30, subject)))
    never_raises_anything_else(raw_csr(names, spki=tlv(0x30, value)))


@given(st.sampled_from(["0603551d11", "0603551d13", "0603551d0f", "0603551d25", "0603551d1e", "0603551d20"]), st.data())
def test_malformed_values_of_known_extensions(oid, data):
    """Every extension that the parser knows may hold garbage: it is decoded late and refused."""
    value = data.draw(st.binary(max_size=40))
    body = data.draw(st.sampled_from([value, tlv(0x30, value), tlv(0x03, value)]))
    never_raises_anything_else(raw_csr(extension_request(tlv(0x30, bytes.fromhex(oid), tlv(0x04, body)))))


@pytest.mark.parametrize("seed", range(4))
def test_every_single_bit(seed):
    """A request with any one bit turned is refused, or says the same as the honest one."""
    der = seeds()[seed]
    honest = read_csr(der)
    for bit in range(len(der) * 8):
        turned = bytearray(der)
        turned[bit // 8] ^= 1 << bit % 8
        try:
            read = read_csr(bytes(turned))
        except InvalidInput:
            continue
        assert (honest.spki_der, honest.dns_names, honest.common_name) == (
            read.spki_der,
            read.dns_names,
            read.common_name,
        )

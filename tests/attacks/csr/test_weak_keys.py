"""Public keys whose private half others can find, or whose encoding hides what they are."""

from __future__ import annotations

from itertools import count
from math import gcd, prod

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.certificates import public_keys
from domain.certificates.csr import read_csr
from domain.errors import InvalidInput
from tests.support.csrs import p256, raw_csr, rsa_key, tlv

RSA_PSS = bytes.fromhex("06092a864886f70d01010a")
RSA = bytes.fromhex("06092a864886f70d010101")


def spki(key) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def rsa_spki(modulus: int, exponent: int = 65537) -> bytes:
    """Return the SubjectPublicKeyInfo of an RSA key that no library would make, put together from bytes."""
    number = [tlv(0x02, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (modulus, exponent)]
    return tlv(0x30, tlv(0x30, RSA, b"\x05\x00"), tlv(0x03, b"\0", tlv(0x30, *number)))


def modulus() -> int:
    return rsa_key().public_key().public_numbers().n


def close_factors() -> int:
    """Return 2048 bits that are the product of two close numbers without small factors."""
    middle = (1 << 1023) + (1 << 1022) + 123_456_788
    step = next(b for b in count(1, 2) if gcd((middle - b) * (middle + b), public_keys._SMALL_PRIMES) == 1)
    return (middle - step) * (middle + step)


def roca() -> int:
    """Return a modulus that is a power of 65537 modulo the product of the first primes, as the faulty cards make."""
    primorial = 2 * prod(prime for prime, _ in public_keys._ROCA_PRINTS)
    start = (3 << 2046) // primorial
    numbers = (primorial * k + pow(65537, 99, primorial) for k in count(start))
    return next(n for n in numbers if gcd(n, public_keys._SMALL_PRIMES) == 1)


def times_751() -> int:
    """Return an odd multiple of 751, the largest prime that is looked for, as long as an honest modulus."""
    return (modulus() // 751 | 1) * 751


def ed25519_spki(text: str) -> bytes:
    return bytes.fromhex("302a300506032b6570032100" + text)


def curve(name: type[ec.EllipticCurve]) -> bytes:
    return spki(ec.generate_private_key(name()).public_key())


def off_curve() -> bytes:
    honest = spki(p256().public_key())
    return honest[:-1] + bytes([honest[-1] ^ 1])


def on_p256(point: bytes) -> bytes:
    return tlv(0x30, bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107"), tlv(0x03, b"\0", point))


def compressed() -> bytes:
    return on_p256(p256().public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint))


def pss() -> bytes:
    bits = spki(rsa_key().public_key()).partition(bytes.fromhex("0500"))[2]
    return tlv(0x30, tlv(0x30, RSA_PSS), bits)


WEAK = {
    "RSA 1024": (lambda: spki(rsa.generate_private_key(65537, 1024).public_key()), {"key-algorithm"}),
    "RSA 2047": (lambda: rsa_spki(modulus() >> 1 | 1), {"key-algorithm"}),
    "RSA 16384": (lambda: rsa_spki((1 << 16383) + 1), {"key-algorithm", "csr-syntax"}),
    "RSA e=1": (lambda: rsa_spki(modulus(), 1), {"key-weak", "csr-syntax"}),
    "RSA e=3": (lambda: rsa_spki(modulus(), 3), {"key-weak"}),
    "RSA e=65535": (lambda: rsa_spki(modulus(), 65535), {"key-weak"}),
    "RSA e even": (lambda: rsa_spki(modulus(), 65538), {"key-weak", "csr-syntax"}),
    "RSA e of 257 bits": (lambda: rsa_spki(modulus(), 2**256 + 1), {"key-weak", "csr-syntax"}),
    "RSA e above n": (lambda: rsa_spki(modulus(), modulus() + 2), {"key-weak", "csr-syntax"}),
    "RSA even modulus": (lambda: rsa_spki(modulus() - 1), {"key-weak", "csr-syntax"}),
    "RSA modulus 751 k": (lambda: rsa_spki(times_751()), {"key-weak"}),
    "RSA close primes": (lambda: rsa_spki(close_factors()), {"key-weak"}),
    "RSA ROCA": (lambda: rsa_spki(roca()), {"key-weak"}),
    "RSA negative modulus": (lambda: rsa_spki(modulus())[:33] + b"\xff" + rsa_spki(modulus())[34:], None),
    "RSA-PSS key": (pss, {"csr-key-encoding", "csr-syntax"}),
    "P-192": (lambda: curve(ec.SECP192R1), {"key-algorithm", "csr-syntax"}),
    "P-224": (lambda: curve(ec.SECP224R1), {"key-algorithm"}),
    "P-521": (lambda: curve(ec.SECP521R1), {"key-algorithm"}),
    "secp256k1": (lambda: curve(ec.SECP256K1), {"key-algorithm"}),
    "brainpool": (lambda: curve(ec.BrainpoolP256R1), {"key-algorithm"}),
    "off the curve": (off_curve, {"csr-syntax"}),
    "infinity": (lambda: on_p256(b"\0"), {"csr-syntax"}),
    "compressed point": (compressed, {"csr-key-encoding"}),
    "X25519": (lambda: spki(x25519.X25519PrivateKey.generate().public_key()), {"key-algorithm"}),
    "DSA": (lambda: spki(dsa.generate_private_key(1024).public_key()), {"key-algorithm"}),
    "unknown algorithm": (lambda: tlv(0x30, tlv(0x30, b"\x06\x01\x2a"), tlv(0x03, b"\0")), {"csr-syntax"}),
    "Ed25519 identity": (lambda: ed25519_spki("01" + "00" * 31), {"key-weak", "csr-syntax"}),
    "Ed25519 zero": (lambda: ed25519_spki("00" * 32), {"key-weak", "csr-syntax"}),
    "Ed25519 zero, signed": (lambda: ed25519_spki("00" * 31 + "80"), {"key-weak", "csr-syntax"}),
    "Ed25519 order 2": (lambda: ed25519_spki("ec" + "ff" * 30 + "7f"), {"key-weak", "csr-syntax"}),
    "Ed25519 short": (lambda: ed25519_spki("00" * 32)[:-1], {"csr-syntax"}),
}


@pytest.mark.parametrize("weakness", WEAK)
def test_a_weak_key_is_refused(weakness):
    """Each weakness is refused before anybody looks at the signature."""
    make, rules = WEAK[weakness]

    with pytest.raises(InvalidInput) as refused:
        read_csr(raw_csr(spki=make()))

    assert rules is None or refused.value.rule in rules
    assert refused.value.fix

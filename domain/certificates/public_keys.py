"""Which public keys may be certified: algorithm and size by name, and the weaknesses that can be seen from outside."""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd, isqrt, prod
from types import MappingProxyType
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from domain.errors import InvalidInput
from domain.profiles.spec import KeyAlgorithm

_RSA: Final[Mapping[int, KeyAlgorithm]] = MappingProxyType({2048: "RSA-2048", 3072: "RSA-3072", 4096: "RSA-4096"})
_EC: Final[Mapping[str, KeyAlgorithm]] = MappingProxyType({"secp256r1": "EC-P256", "secp384r1": "EC-P384"})
_TAKEN = "make an EC-P256, EC-P384, Ed25519 or RSA key of 2048, 3072 or 4096 bits"

_SMALLEST_EXPONENT = 2**16  # FIPS 186-5 appendix A.1.1: odd, 2^16 < e < 2^256
_LARGEST_EXPONENT = 2**256
_PRIMES = tuple(n for n in range(3, 752, 2) if all(n % d for d in range(3, isqrt(n) + 1, 2)))
_SMALL_PRIMES = prod(_PRIMES)
_SIEVE = 5040
_SQUARES = frozenset(n * n % _SIEVE for n in range(_SIEVE))
_LARGEST_PRINT = 167  # of the published detector (Nemec et al., ACM CCS 2017)
_ROCA_PRINTS = tuple((r, frozenset(pow(65537, i, r) for i in range(r - 1))) for r in _PRIMES if r <= _LARGEST_PRINT)
_FERMAT_ROUNDS = 100  # CA/B TLS Baseline Requirements 6.1.1.3

_ED25519_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        # y coordinates of the points of order 1, 2, 4 and 8, and their spellings above the field's prime; the sign
        # bit is masked before comparing. Everybody can sign for such a key (RFC 8032 section 8.9 leaves it to us).
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)


def key_algorithm(key: object) -> KeyAlgorithm:
    """Return the name of a public key's algorithm and size.

    Raises :class:`InvalidInput`, rule ``key-algorithm`` for one that is never certified here and ``key-weak`` for one
    whose private half others can find (FIPS 186-5; CA/B TLS Baseline Requirements 6.1.1.3, 6.1.5 and 6.1.6).
    """
    if isinstance(key, rsa.RSAPublicKey):
        return _rsa(key)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _EC:
        return _EC[key.curve.name]
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _ed25519(key)
    kind = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else type(key).__name__
    raise InvalidInput(f"a key of kind {kind} is not certified", rule="key-algorithm", fix=_TAKEN)


def _rsa(key: rsa.RSAPublicKey) -> KeyAlgorithm:
    if key.key_size not in _RSA:
        raise InvalidInput(f"RSA with {key.key_size} bits is not certified", rule="key-algorithm", fix=_TAKEN)
    numbers = key.public_numbers()
    if not (numbers.e % 2 and _SMALLEST_EXPONENT < numbers.e < _LARGEST_EXPONENT):
        raise _weak("the RSA exponent is even, too small or too large", "make the key with the exponent 65537")
    if numbers.n % 2 == 0 or gcd(numbers.n, _SMALL_PRIMES) != 1:
        raise _weak("the RSA modulus has a small factor", "make the key with a maintained library")
    if _close_primes(numbers.n):
        raise _weak("the RSA modulus is the product of two close primes", "make the key with a maintained library")
    if all(numbers.n % prime in prints for prime, prints in _ROCA_PRINTS):
        raise _weak("the RSA key has the structure of CVE-2017-15361 (ROCA)", "make it outside the faulty smart card")
    return _RSA[key.key_size]


def _close_primes(modulus: int) -> bool:
    """Fermat's factorisation, a hundred rounds of it: modulus = a² - b² with a just above the square root."""
    start = isqrt(modulus - 1) + 1
    rests = (a * a - modulus for a in range(start, start + _FERMAT_ROUNDS))
    # Most numbers are seen to be no squares by their remainder; that saves the costly root.
    return any(rest % _SIEVE in _SQUARES and isqrt(rest) ** 2 == rest for rest in rests)


def _ed25519(key: ed25519.Ed25519PublicKey) -> KeyAlgorithm:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    if raw[:-1] + bytes([raw[-1] & 0x7F]) in _ED25519_SMALL_ORDER:
        raise _weak("the Ed25519 key is a point of small order", "make the key with a maintained library")
    return "Ed25519"


def _weak(sentence: str, fix: str) -> InvalidInput:
    return InvalidInput(sentence, rule="key-weak", fix=fix)

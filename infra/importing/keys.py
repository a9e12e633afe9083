"""Private keys: PKCS #8, PKCS #1 and SEC 1, encrypted or not, made into plain PKCS #8."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_pem_private_key,
)

from infra.importing.pieces import Passwords, Unreadable, locked

PrivateKey = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | dsa.DSAPrivateKey
)
UNREADABLE = (ValueError, TypeError, OverflowError, Warning, UnsupportedAlgorithm)
"""All that the library raises on what it cannot read."""


def read_der_key(der: bytes, passwords: Passwords) -> bytes:
    """Return a key in DER as plain PKCS #8. Raises Unreadable."""
    return _read(lambda password: load_der_private_key(der, password), passwords)


def read_pem_key(block: bytes, passwords: Passwords) -> bytes:
    """Return a key in one PEM block as plain PKCS #8. Raises Unreadable."""
    return _read(lambda password: load_pem_private_key(block, password), passwords)


def _read(load: Callable[[bytes | None], object], passwords: Passwords) -> bytes:
    encrypted = False
    for password in (None, *passwords):
        try:
            return plain(load(password.encode() if password is not None else None))
        except TypeError as error:  # encrypted and no password was given, or the other way round
            if password is None:
                encrypted = True
                continue
            raise Unreadable("a private key that cannot be read") from error
        except UNREADABLE as error:
            if password is None or not encrypted:
                raise Unreadable("a private key that cannot be read") from error
    raise locked("a private key", passwords)


def plain(key: object) -> bytes:
    """Return a key as PKCS #8, DER, not encrypted. Raises Unreadable for a kind that no certificate has."""
    if not isinstance(key, PrivateKey):
        raise Unreadable("a key of a kind that is not read", rule="import-key-kind", fix="leave it out")
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def spki_of(pkcs8: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a plain PKCS #8 key."""
    public = load_der_private_key(pkcs8, None).public_key()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

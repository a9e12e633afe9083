"""Signature schemes of CA keys: which hash goes with which key, and how X.509 names the pair."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

from domain.errors import InvalidInput, Unavailable

CaPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
CaPrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CaHash = hashes.SHA256 | hashes.SHA384

_SMALLEST_CA_RSA = 3072


@dataclass(frozen=True, slots=True)
class Scheme:
    """One hash and the DER of its AlgorithmIdentifier (RFC 5758 section 3.2, RFC 4055 section 5)."""

    hash: CaHash
    algorithm_der: bytes

    def sign(self, key: CaPrivateKey, data: bytes) -> bytes:
        """Sign with a software key."""
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(data, padding.PKCS1v15(), self.hash)
        return key.sign(data, ec.ECDSA(self.hash))

    def verify(self, key: CaPublicKey, signature: bytes, data: bytes) -> None:
        """Raise :class:`domain.errors.Unavailable` where the signature does not verify: the signer is broken."""
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, data, padding.PKCS1v15(), self.hash)
            else:
                key.verify(signature, data, ec.ECDSA(self.hash))
        except InvalidSignature:
            raise Unavailable(
                "the issuer's key gave a signature that does not verify; nothing was issued",
                rule="signer-broken",
                fix="look at the key's holder; it must not sign until the cause is known",
            ) from None


_EC_SHA256 = Scheme(hashes.SHA256(), bytes.fromhex("300a06082a8648ce3d040302"))
_EC_SHA384 = Scheme(hashes.SHA384(), bytes.fromhex("300a06082a8648ce3d040303"))
_RSA_SHA256 = Scheme(hashes.SHA256(), bytes.fromhex("300d06092a864886f70d01010b0500"))


def scheme_of(key: CaPublicKey) -> Scheme:
    """Return the one scheme that a CA key signs with: curve and hash are paired, RSA uses PKCS #1 v1.5."""
    if isinstance(key, rsa.RSAPublicKey):
        return _RSA_SHA256
    return _EC_SHA384 if isinstance(key.curve, ec.SECP384R1) else _EC_SHA256


def ca_public_key(key: PublicKeyTypes) -> CaPublicKey:
    """Return the key where it may sign as a CA: P-256, P-384 or RSA of at least 3072 bits."""
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_CA_RSA:
        return key
    raise _bad_ca_key()


def ca_private_key(key: PrivateKeyTypes) -> CaPrivateKey:
    """Return the key where it may sign as a CA; see :func:`ca_public_key`."""
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise _bad_ca_key()
    ca_public_key(key.public_key())
    return key


def _bad_ca_key() -> InvalidInput:
    return InvalidInput(
        "this is no key for a CA", rule="ca-key-type", fix="use EC P-256, EC P-384 or RSA with at least 3072 bits"
    )

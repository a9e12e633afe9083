"""Whoever holds a CA's private key: software now, an HSM behind the same Protocol."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.serialization import load_der_private_key

from commands.ports.keystore import KeyStore, Secret
from domain.errors import Unavailable
from infra.issuers.schemes import CaPrivateKey, CaPublicKey, ca_private_key, scheme_of
from infra.issuers.tbs import splice

PKCS8_FIELD = "pkcs8"
"""Name of the key store's field that holds a software key (PKCS #8, DER)."""


class Signer(Protocol):
    """Signs with one CA key and never gives it away."""

    @property
    def public_key(self) -> CaPublicKey:
        """Return the public half."""

    async def sign(self, data: bytes) -> bytes:
        """Return the signature as X.509 encodes it; raises Unavailable where the key does not answer."""


class SoftwareSigner:
    """A key in this process's memory; signs inline (20 µs on P-256: a thread would cost more)."""

    __slots__ = ("_key", "_public_key", "_scheme")

    def __init__(self, key: CaPrivateKey) -> None:
        self._key = key
        self._public_key = key.public_key()
        self._scheme = scheme_of(self._public_key)

    @classmethod
    def from_pkcs8(cls, secret: Secret) -> SoftwareSigner:
        """Read a key as :mod:`infra.issuers.hierarchy` made it; the bytes are named in no error."""
        try:
            key = load_der_private_key(secret.reveal(), None)
        except (ValueError, TypeError):
            raise Unavailable(
                "a stored CA key is not readable as PKCS #8",
                rule="issuer-key-unreadable",
                fix="restore the key store that belongs to this ledger",
            ) from None
        return cls(ca_private_key(key))

    @classmethod
    def from_keystore(cls, keystore: KeyStore, key_id: str) -> SoftwareSigner:
        """Load the key that is stored under an id."""
        return cls.from_pkcs8(keystore.get(key_id, PKCS8_FIELD))

    @property
    def public_key(self) -> CaPublicKey:
        """Return the public half."""
        return self._public_key

    async def sign(self, data: bytes) -> bytes:
        """Sign."""
        return self._scheme.sign(self._key, data)

    def __repr__(self) -> str:
        return "SoftwareSigner(***)"

    def __reduce__(self) -> str:
        raise TypeError("a signer is never pickled")


async def signed(tbs: bytes, public_key: CaPublicKey, signer: Signer) -> bytes:
    """Return the certificate or CRL (DER): signed, and verified under the key that the issuer's certificate names."""
    return splice(tbs, public_key, await signer.sign(tbs))

"""Sealing of what must not be read from a store: AES-256-GCM under a key that lies in the key store."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from commands.ports.keystore import KeyStore, Secret
from domain.errors import AlreadyExists, NotFound

SEAL_KEY_ID, SEAL_FIELD = "identity-seal", "aes256"
_NONCE = 12


def digest(token: str) -> bytes:
    """Return SHA-256 of an opaque token: all that is stored of it (256 random bits need no salt)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Sealer:
    """AES-256-GCM for the columns that hold tokens or evidence; the label is authenticated with them."""

    def __init__(self, key: Secret) -> None:
        self._cipher = AESGCM(key.reveal())

    def seal(self, plain: bytes, label: bytes) -> bytes:
        """Return nonce and ciphertext; only :meth:`open` with the same label gives ``plain`` back."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, label)

    def open(self, sealed: bytes, label: bytes) -> bytes | None:
        """Return what was sealed, or None where the bytes, the label or the key are others."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], label)
        except (InvalidTag, ValueError):
            return None


def sealer_from(keys: KeyStore) -> Sealer:
    """Return the sealer whose key lives in the key store, making the key at first use.

    The key's id is :data:`SEAL_KEY_ID`; no event names it, so a sweep of orphans must leave it alone.
    """
    try:
        return Sealer(keys.get(SEAL_KEY_ID, SEAL_FIELD))
    except NotFound:
        with suppress(AlreadyExists):  # another process was first: its key is the key
            keys.put(SEAL_KEY_ID, SEAL_FIELD, Secret(AESGCM.generate_key(256)))
        return Sealer(keys.get(SEAL_KEY_ID, SEAL_FIELD))

"""The key-encryption key of the embedded default: a file outside the data directory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import InvalidInput
from infra.keystore.errors import RESTORE, SecretAltered
from infra.keystore.files import read_private, write_private

_KEY_BYTES = 32
_NONCE_BYTES = 12
_FILE_LIMIT = 256


class LocalKekFile:
    """AES-256-GCM under 32 random bytes, kept as base64 in a file of mode 0600.

    The name is derived from the key, so that a file that was swapped is told from the right one before it is used.
    """

    def __init__(self, key: bytes, location: Path) -> None:
        self._aead = AESGCM(key)
        self._location = location.resolve()
        self._kek_id = "file:" + hmac.new(key, b"sslclm.kek.id.v1", hashlib.sha256).hexdigest()[:16]

    @classmethod
    def create(cls, path: Path) -> LocalKekFile:
        """Draw a key and write it; raises :class:`domain.errors.AlreadyExists` where the file is there."""
        key = os.urandom(_KEY_BYTES)
        write_private(path, base64.b64encode(key) + b"\n")
        return cls(key, path)

    @classmethod
    def load(cls, path: Path) -> LocalKekFile:
        """Read the key; raises :class:`domain.errors.InvalidInput` where others may read the file or it is no key."""
        try:
            key = base64.b64decode(read_private(path, _FILE_LIMIT).strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != _KEY_BYTES:
            raise InvalidInput(
                f"{path} does not hold 32 bytes in base64", rule="key-file-format", fix="restore the file"
            )
        return cls(key, path)

    def __repr__(self) -> str:
        return f"LocalKekFile({self._kek_id})"

    @property
    def kek_id(self) -> str:
        """``file:`` and 16 hex digits of an HMAC under the key."""
        return self._kek_id

    @property
    def location(self) -> Path | None:
        """Return the file."""
        return self._location

    def wrap(self, dek: bytes, context: bytes) -> bytes:
        """Encrypt: 12 bytes of nonce, ciphertext, 16 bytes of tag."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, dek, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt; raises :class:`SecretAltered`."""
        try:
            return self._aead.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise SecretAltered(f"a data-encryption key does not unwrap under {self._kek_id}", fix=RESTORE) from None

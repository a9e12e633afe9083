"""The key-encryption key: the one secret that must not lie beside the database it protects."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol


class KeyEncryptionKey(Protocol):
    """Wraps data-encryption keys; lives in a file, in Vault (transit, ``derived=true``) or in an HSM.

    ``context`` is bound to the wrapped bytes: unwrapping with another context fails. Raises
    :class:`domain.errors.Unavailable` while the key does not answer and
    :class:`infra.keystore.errors.SecretAltered` where it answers that the bytes are not its own.
    """

    @property
    def kek_id(self) -> str:
        """Name that is stored beside everything this key wrapped; another key has another name."""

    @property
    def location(self) -> Path | None:
        """Where the key lies as a file; None where it lies outside this machine's file system."""

    def wrap(self, dek: bytes, context: bytes) -> bytes:
        """Encrypt a data-encryption key."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a data-encryption key."""

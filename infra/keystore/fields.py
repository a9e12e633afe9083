"""One encrypted field: ``0xC1 | DEK id (16) | nonce (12) | ciphertext | tag (16)``, AES-256-GCM.

The additional data names the place: key id, field, DEK id and format version, each behind its length, so that a
ciphertext moved to another place does not authenticate. The DEK is chosen by the id in the header, never by trial:
AES-GCM does not commit to its key.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.keystore.errors import RESTORE, SecretAltered

VERSION = 0xC1
DEK_ID_BYTES = 16
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = 1 + DEK_ID_BYTES + _NONCE_BYTES


def lp(*parts: bytes) -> bytes:
    """Return the parts, each behind its length (4 bytes, big-endian): plain concatenation would be ambiguous."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _place(key_id: str, field: str, dek_id: bytes) -> bytes:
    return lp(b"sslclm.field", key_id.encode(), field.encode(), dek_id, bytes([VERSION]))


def seal_field(aead: AESGCM, dek_id: bytes, key_id: str, field: str, value: bytes) -> bytes:
    """Encrypt one field under a DEK, with a random nonce (NIST SP 800-38D section 8.2.2)."""
    nonce = os.urandom(_NONCE_BYTES)
    return bytes([VERSION]) + dek_id + nonce + aead.encrypt(nonce, value, _place(key_id, field, dek_id))


def dek_id_of(blob: bytes) -> bytes:
    """Return the id of the DEK that a blob says it was made with; raises :class:`SecretAltered`."""
    if len(blob) < _HEADER_BYTES + _TAG_BYTES or blob[0] != VERSION:
        raise SecretAltered("an encrypted field is cut off or has an unknown format", fix=RESTORE)
    return blob[1 : 1 + DEK_ID_BYTES]


def open_field(aead: AESGCM, key_id: str, field: str, blob: bytes) -> bytes:
    """Decrypt one field; raises :class:`SecretAltered` where it was moved or altered."""
    dek_id = dek_id_of(blob)
    nonce = blob[1 + DEK_ID_BYTES : _HEADER_BYTES]
    try:
        return aead.decrypt(nonce, blob[_HEADER_BYTES:], _place(key_id, field, dek_id))
    except InvalidTag:
        raise SecretAltered(f"field {field} of key {key_id} was moved or altered", fix=RESTORE) from None

"""A private key sealed under a passphrase: the root CA's key, which the running server never loads.

JSON with scrypt (RFC 7914) and AES-256-GCM. PKCS#8's own encryption would do for tools, but the library fixes its
key derivation at a cost that a passphrase should not rest on.
"""

from __future__ import annotations

import json
import os
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from commands.ports.keystore import Secret
from domain.errors import InvalidInput
from infra.keystore.errors import SecretAltered
from infra.keystore.fields import lp
from infra.keystore.files import read_private, write_private

SHORTEST = 16
_FEWEST_CHARACTERS = 8
_COST, _BLOCK, _LANES = 2**17, 8, 1  # 128 MiB and about a third of a second: OWASP's recommendation for scrypt
_FILE_LIMIT = 64 * 1024
_FORMAT = "sslclm-sealed-key/1"

_Base64 = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class _File(BaseModel):
    """The file's shape; the cost is fixed, so that a changed file cannot ask for less work or for all memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["sslclm-sealed-key/1"]
    label: Annotated[str, Field(min_length=1, max_length=200)]
    kdf: Literal["scrypt-131072-8-1"]
    salt: _Base64
    nonce: _Base64
    ciphertext: _Base64


def seal(path: Path, label: str, secret: Secret, passphrase: Secret) -> None:
    """Write a secret under a passphrase to a new file of mode 0600.

    ``label`` says in clear what is inside; it is authenticated. Raises :class:`domain.errors.InvalidInput` for a weak
    passphrase and :class:`domain.errors.AlreadyExists` where the file is there.
    """
    check_passphrase(passphrase)
    salt, nonce = os.urandom(16), os.urandom(12)
    sealed = _cipher(passphrase, salt).encrypt(nonce, secret.reveal(), _bound(label))
    content = {
        "format": _FORMAT,
        "label": label,
        "kdf": f"scrypt-{_COST}-{_BLOCK}-{_LANES}",
        "salt": b64encode(salt).decode(),
        "nonce": b64encode(nonce).decode(),
        "ciphertext": b64encode(sealed).decode(),
    }
    write_private(path, json.dumps(content, indent=1).encode() + b"\n")


def open_sealed(path: Path, label: str, passphrase: Secret) -> Secret:
    """Return the secret; raises :class:`SecretAltered` for a wrong passphrase, label or altered file alike."""
    content = read_private(path, _FILE_LIMIT)
    try:
        file = _File.model_validate_json(content)
        salt, nonce, sealed = (b64decode(part, validate=True) for part in (file.salt, file.nonce, file.ciphertext))
        return Secret(_cipher(passphrase, salt).decrypt(nonce, sealed, _bound(label)))
    except InvalidTag:
        raise SecretAltered(
            f"{path} does not open: wrong passphrase, or another or altered file",
            fix="give the passphrase that this file was sealed under, or restore the file from a back-up",
        ) from None
    except (ValidationError, ValueError):
        raise InvalidInput(f"{path} is no sealed key", rule="key-file-format", fix="restore the file") from None


def check_passphrase(passphrase: Secret) -> None:
    """Refuse a passphrase that is empty, short or made of few characters."""
    text = passphrase.reveal().strip()
    if len(text) < SHORTEST or len(set(text)) < _FEWEST_CHARACTERS:
        raise InvalidInput(
            f"a passphrase has at least {SHORTEST} characters, {_FEWEST_CHARACTERS} of them different",
            rule="weak-passphrase",
            fix="take six or more random words",
        )


def _cipher(passphrase: Secret, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, n=_COST, r=_BLOCK, p=_LANES).derive(passphrase.reveal()))


def _bound(label: str) -> bytes:
    return lp(_FORMAT.encode(), label.encode())

"""Signatures on agents' tasks: JWS compact (RFC 7515) with Ed25519 (RFC 8037), the key in the key store."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from commands.ports.keystore import KeyStore, Secret

KEY_ID = "task-signing"
KEY_FIELD = "ed25519"


def create_task_key(keystore: KeyStore) -> None:
    """Make the task-signing key; raises AlreadyExists where there is one."""
    keystore.put(KEY_ID, KEY_FIELD, Secret(Ed25519PrivateKey.generate().private_bytes_raw()))


def _b64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


class Ed25519TaskSigner:
    """Signs with the one key of this installation; ``kid`` is its JWK thumbprint (RFC 7638)."""

    def __init__(self, keystore: KeyStore) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(keystore.get(KEY_ID, KEY_FIELD).reveal())
        public = {"crv": "Ed25519", "kty": "OKP", "x": _b64url(self._key.public_key().public_bytes_raw())}
        self._kid = _b64url(sha256(_json(public)).digest())
        self._public = {**public, "kid": self._kid, "alg": "EdDSA", "use": "sig"}
        self._header = _b64url(_json({"alg": "EdDSA", "kid": self._kid, "typ": "sslclm-task+jws"}))

    def sign(self, payload: Mapping[str, Any]) -> str:
        """Return the compact JWS over the payload's JSON."""
        signing_input = f"{self._header}.{_b64url(_json(payload))}"
        return f"{signing_input}.{_b64url(self._key.sign(signing_input.encode()))}"

    def public_keys(self) -> tuple[Mapping[str, str], ...]:
        """Return the public key as JWK."""
        return (self._public,)

    def __repr__(self) -> str:
        return f"Ed25519TaskSigner(kid={self._kid})"

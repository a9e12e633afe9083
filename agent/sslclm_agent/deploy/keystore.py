"""PKCS #12 (RFC 7292) on a host: a key that comes in as such a file, and targets whose service reads one."""

from __future__ import annotations

import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    load_key_and_certificates,
    serialize_key_and_certificates,
)

from sslclm_agent.deploy.checks import Material
from sslclm_agent.errors import StageError
from sslclm_agent.state.keys import PrivateKey, to_pem
from sslclm_agent.tasks.parameters import Install

LEGACY = "legacy-3des"
_LARGEST = 65_536
_ROUNDS = 10_000  # the password is random and lies beside the file, for the service: a higher count protects nothing
_PASSWORD_BYTES = 32


def open_delivered(data: bytes, password: str, order: Install) -> bytes:
    """Return the delivered key as PEM; raise ``StageError("check", …)`` unless it is the one of the order's leaf."""
    if len(data) > _LARGEST:
        raise StageError("check", "the delivered key's file is too large")
    try:
        key, _, _ = load_key_and_certificates(data, password.encode())
        leaf = x509.load_pem_x509_certificate(order.chain[0].encode()).public_key()
    except (ValueError, TypeError, IndexError):  # their words may repeat bytes of the file
        raise StageError("check", "the delivered key's file cannot be opened") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise StageError("check", "the delivered file holds no key of a kind that servers use")
    if _spki(key.public_key()) != _spki(leaf):
        raise StageError("check", "the delivered key is not that of the certificate")
    return to_pem(key)


def keystore_files(material: Material, form: str, mode: int) -> dict[str, tuple[bytes, int]]:
    """Return what a target of layout ``pkcs12`` holds: the key store, its password, and the chain for whoever looks.

    Both private files have the target's mode: a service that may read one must be able to read the other.
    """
    password = secrets.token_urlsafe(_PASSWORD_BYTES).encode()
    key, leaf = load_pem_private_key(material.key_pem, None), material.chain[0]
    assert isinstance(key, PrivateKey)
    stored = serialize_key_and_certificates(
        b"server", key, leaf, list(material.chain[1:]) or None, _encryption(form, password)
    )
    return {
        "fullchain.pem": (material.chain_pem, 0o644),
        "keystore.p12": (stored, mode),
        "keystore.pass": (password, mode),
    }


def _encryption(form: str, password: bytes) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(_ROUNDS)
    if form == LEGACY:
        algorithm, digest = PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1()  # noqa: S303 - by a dated exception only
        return builder.key_cert_algorithm(algorithm).hmac_hash(digest).build(password)
    return builder.key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256()).build(password)


def _spki(key: object) -> bytes:
    result = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined] # all have it
    assert isinstance(result, bytes)
    return result

"""PKCS #12 files (RFC 7292): a key with its certificate and those above it, under a password that is random."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import KeySerializationEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import PBES, serialize_key_and_certificates
from cryptography.x509.oid import NameOID

from commands.ports.keystore import Secret
from domain.keys.reveal import Form

HeldKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

ROUNDS = 100_000
"""PBKDF2 iterations. The password has 200 random bits, so they protect nothing; some readers refuse low counts. Packing
holds the interpreter's lock: 70 ms at this count, a third of a second at the 600,000 that people's passwords need."""
_PASSWORD_BYTES = 25
_UNNAMED = "certificate"


def random_password() -> Secret:
    """Return 40 characters of base32: 200 bits, and nothing that is hard to type or to quote."""
    return Secret(base64.b32encode(os.urandom(_PASSWORD_BYTES)).lower())


def pkcs12(key: HeldKey, chain: Sequence[x509.Certificate], password: Secret, form: Form) -> Secret:
    """Return the file; its one entry is named as the leaf's first name."""
    leaf, *above = chain
    alias = _first_name(leaf).encode()
    return Secret(serialize_key_and_certificates(alias, key, leaf, above or None, _encryption(form, password)))


def _encryption(form: Form, password: Secret) -> KeySerializationEncryption:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(ROUNDS)
    if form == "legacy-3des":  # what Java before 8u301 and Windows before 2019 read; only by a dated exception
        algorithm, digest = PBES.PBESv1SHA1And3KeyTripleDESCBC, hashes.SHA1()  # noqa: S303 - see above
        return builder.key_cert_algorithm(algorithm).hmac_hash(digest).build(password.reveal())
    return builder.key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC).hmac_hash(hashes.SHA256()).build(password.reveal())


def _first_name(leaf: x509.Certificate) -> str:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(common[0].value) if common else _UNNAMED
    addresses = map(str, names.get_values_for_type(x509.IPAddress))
    return next(iter((*names.get_values_for_type(x509.DNSName), *addresses)), _UNNAMED)

"""Signing requests for tests: honest ones by the library, hostile ones put together from bytes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

EXTENSION_REQUEST = bytes.fromhex("06092a864886f70d01090e")
CHALLENGE_PASSWORD = bytes.fromhex("06092a864886f70d010907")
SUBJECT_ALT_NAME = bytes.fromhex("0603551d11")
ECDSA = {
    "sha1": (hashes.SHA1(), bytes.fromhex("300906072a8648ce3d0401")),
    "sha224": (hashes.SHA224(), bytes.fromhex("300a06082a8648ce3d040301")),
    "sha256": (hashes.SHA256(), bytes.fromhex("300a06082a8648ce3d040302")),
}

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@cache
def p256() -> ec.EllipticCurvePrivateKey:
    """Return one P-256 key, the same for the whole run."""
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """Return one RSA key per size and exponent."""
    return rsa.generate_private_key(exponent, bits)


def pem_csr(der: bytes) -> str:
    """Return a CSR as PEM."""
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


def make_csr(
    key: Key,
    *names: x509.GeneralName,
    common_names: Sequence[str] = (),
    extensions: Sequence[x509.ExtensionType] = (),
    digest: hashes.SHA256 | hashes.SHA3_256 | None = None,
) -> bytes:
    """Return an honest CSR in DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject(*common_names))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    chosen = None if isinstance(key, ed25519.Ed25519PrivateKey) else digest or hashes.SHA256()
    return builder.sign(key, chosen).public_bytes(Encoding.DER)


def subject(*common_names: str) -> x509.Name:
    """Return a subject with these common names."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names])


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return one DER value: tag, length, contents."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def attribute(oid: bytes, *values: bytes) -> bytes:
    """Return one PKCS #10 attribute."""
    return tlv(0x30, oid, tlv(0x31, *values))


def san(*general_names: bytes) -> bytes:
    """Return a subjectAltName extension with these encoded general names."""
    return tlv(0x30, SUBJECT_ALT_NAME, tlv(0x04, tlv(0x30, *general_names)))


def extension_request(*extensions: bytes) -> bytes:
    """Return an extensionRequest attribute with these encoded extensions."""
    return attribute(EXTENSION_REQUEST, tlv(0x30, *extensions))


def raw_csr(
    *attributes: bytes,
    version: int = 0,
    name: bytes | None = None,
    spki: bytes | None = None,
    trailing: bytes = b"",
    digest: str = "sha256",
) -> bytes:
    """Return a CSR put together from bytes and truly signed, so that only its contents can be at fault."""
    key = p256()
    info = tlv(
        0x30,
        tlv(0x02, bytes([version])),
        subject().public_bytes() if name is None else name,
        spki or key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        tlv(0xA0, *attributes),
        trailing,
    )
    algorithm, identifier = ECDSA[digest]
    signature = key.sign(info, ec.ECDSA(algorithm))
    return tlv(0x30, info, identifier, tlv(0x03, b"\0", signature))

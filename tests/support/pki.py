"""A tiny PKI for tests: ``make_ca`` and ``make_leaf``, P-256, RFC 5280 clean enough for ``VERIFY_X509_STRICT``."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key; ``issuer`` is the pair that signed it, ``None`` for a root."""

    certificate: x509.Certificate
    key: Key
    issuer: Pair | None = None

    @cached_property
    def pem(self) -> bytes:
        """The certificate alone, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @cached_property
    def der(self) -> bytes:
        """The certificate alone, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @cached_property
    def chain_pem(self) -> bytes:
        """The certificate followed by its intermediates, without the root, PEM."""
        above = self.issuer
        return self.pem + (above.chain_pem if above is not None and above.issuer is not None else b"")

    @cached_property
    def key_pem(self) -> bytes:
        """The private key, unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write ``name.pem`` (chain) and ``name.key`` for tools that want files; return both paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.chain_pem)
        key.write_bytes(self.key_pem)
        return certificate, key


def make_ca(name: str = "Test Root", *, issuer: Pair | None = None, days: int = 3650) -> Pair:
    """Make a root CA, or an intermediate CA under ``issuer``."""
    usage = _key_usage(sign=False, ca=True)
    return _make(name, issuer, (timedelta(days=-1), timedelta(days=days)), [(_basic(ca=True), True), (usage, True)])


def make_leaf(
    issuer: Pair,
    name: str = "localhost",
    *,
    sans: Sequence[str] = ("localhost", "127.0.0.1"),
    client: bool = False,
    valid: tuple[timedelta, timedelta] = (timedelta(days=-1), timedelta(days=30)),
    key: Key | None = None,
) -> Pair:
    """Make a server (or ``client``) certificate under ``issuer``; ``valid`` is relative to now, past = expired.

    ``key`` is a fresh P-256 one where none is given.
    """
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (_basic(ca=False), True),
        (_key_usage(sign=True, ca=False), True),
        (x509.ExtendedKeyUsage([purpose]), False),
    ]
    if sans:
        extensions.append((x509.SubjectAlternativeName([_general_name(each) for each in sans]), False))
    return _make(name, issuer, valid, extensions, key)


def make_expired_leaf(issuer: Pair, name: str = "localhost", *, client: bool = False) -> Pair:
    """Make a leaf that expired yesterday."""
    return make_leaf(issuer, name, client=client, valid=(timedelta(days=-30), timedelta(days=-1)))


def _make(
    name: str,
    issuer: Pair | None,
    valid: tuple[timedelta, timedelta],
    extensions: list[tuple[x509.ExtensionType, bool]],
    key: Key | None = None,
) -> Pair:
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Pair(builder.sign(signer, hashes.SHA256()), key, issuer)


def _basic(*, ca: bool) -> x509.BasicConstraints:
    return x509.BasicConstraints(ca=ca, path_length=None)


def _key_usage(*, sign: bool, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

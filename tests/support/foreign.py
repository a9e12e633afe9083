"""A public-key infrastructure of somebody else: root, issuing authority, leaves, and the files they come in."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

START = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "foreign-secret"


@dataclass(frozen=True)
class Party:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        """The certificate's DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate's PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def key_pem(self, password: str = "") -> bytes:
        """Return the key, PKCS #8, encrypted where there is a password."""
        how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)

    def key_der(self) -> bytes:
        """Return the key, PKCS #8, DER."""
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())

    def p12(self, *others: Party, password: str = PASSWORD) -> bytes:
        """Return a PKCS #12 file."""
        above = [one.certificate for one in others]
        how = BestAvailableEncryption(password.encode())
        return pkcs12.serialize_key_and_certificates(b"x", self.key, self.certificate, above, how)


def make(
    common_name: str,
    issuer: Party | None = None,
    *extensions: x509.ExtensionType,
    serial: int | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    days: int = 400,
    claims: x509.Name | None = None,
    subject: Sequence[x509.NameAttribute[str]] = (),
) -> Party:
    """Return a certificate; self-signed without an issuer. ``claims``: the issuer that it names, whoever signs."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name), *subject])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(claims or (issuer.certificate.subject if issuer else name))
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + timedelta(days=days))
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return Party(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


CA = x509.BasicConstraints(ca=True, path_length=None)


@cache
def root() -> Party:
    """Return the foreign root."""
    return make("Foreign Root", None, CA, days=4_000)


@cache
def issuing() -> Party:
    """Return the foreign issuing authority."""
    return make("Foreign Issuing", root(), CA, days=3_000)


def leaf(*names: str, url: str = "http://pki.elsewhere.test", **told: object) -> Party:
    """Return a server's certificate with addresses for CRL, OCSP and issuer below ``url``."""
    alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    return make(names[0], issuing(), alternative, *addresses(url), **told)  # type: ignore[arg-type]


def addresses(url: str) -> tuple[x509.ExtensionType, ...]:
    """Return CRL distribution point and authority information access below ``url``."""

    def at(path: str) -> x509.UniformResourceIdentifier:
        return x509.UniformResourceIdentifier(f"{url}/{path}")

    point = x509.DistributionPoint([at("ca.crl")], None, None, None)
    access = [
        x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, at("ca.cer")),
        x509.AccessDescription(AuthorityInformationAccessOID.OCSP, at("ocsp")),
    ]
    return x509.CRLDistributionPoints([point]), x509.AuthorityInformationAccess(access)


def sent(*contents: bytes, name: str = "upload") -> list[dict[str, str]]:
    """Return files as the API takes them."""
    return [{"name": f"{name}-{n}", "content": base64.b64encode(one).decode()} for n, one in enumerate(contents)]

"""What must hold before anything on the host is touched. Some servers die of a mismatched pair: nobody else checks."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from sslclm_agent.errors import StageError
from sslclm_agent.tasks.parameters import Install


@dataclass(frozen=True)
class Material:
    """A pair that fits together. ``chain`` is leaf first without the root; ``key_pem`` is the private key."""

    chain: tuple[x509.Certificate, ...]
    root: x509.Certificate
    key_pem: bytes

    @property
    def chain_pem(self) -> bytes:
        """The chain as a server wants it."""
        return b"".join(each.public_bytes(Encoding.PEM) for each in self.chain)

    @property
    def root_pem(self) -> str:
        """The root, for the probes."""
        return self.root.public_bytes(Encoding.PEM).decode()

    @property
    def chain_sha256(self) -> tuple[str, ...]:
        """SHA-256 of each certificate's DER, leaf first: exactly what must be served."""
        return tuple(fingerprint(each) for each in self.chain)

    def __repr__(self) -> str:
        """Show no key."""
        return f"Material({self.chain_sha256[0]})"


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the DER, lower-case hex."""
    return hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def check(order: Install, key_pem: bytes | None, now: datetime) -> Material:
    """Check key, chain, validity, names and fingerprint; raise ``StageError("check", …)`` naming what is wrong."""
    if key_pem is None:
        raise _wrong("this agent has no key for that order and generation")
    try:
        chain = tuple(x509.load_pem_x509_certificate(pem.encode()) for pem in order.chain)
        root = x509.load_pem_x509_certificate(order.root.encode())
        material = Material(chain, root, key_pem)
        _check_leaf(order, material)
        _check_chain(material, now)
    except (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise _wrong(f"a certificate is malformed: {error}") from error
    return material


def _wrong(sentence: str) -> StageError:
    return StageError("check", sentence)


def _check_leaf(order: Install, material: Material) -> None:
    if not material.chain:
        raise _wrong("the chain is empty")
    leaf = material.chain[0]
    if fingerprint(leaf) != order.fingerprint:
        raise _wrong("the leaf is not the certificate the fingerprint names")
    if _spki(load_pem_private_key(material.key_pem, None).public_key()) != _spki(leaf.public_key()):
        raise _wrong("the certificate is for another key than the one this agent made")
    _check_purpose(leaf)
    for endpoint in order.target.endpoints:
        if not covers(leaf, endpoint.server_name):
            raise _wrong(f"the certificate does not cover {endpoint.server_name}")


def _spki(key: object) -> bytes:
    result = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined]  # all have it
    assert isinstance(result, bytes)
    return result


def _check_purpose(leaf: x509.Certificate) -> None:
    try:
        purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return  # RFC 5280 section 4.2.1.12: no restriction
    if ExtendedKeyUsageOID.SERVER_AUTH not in purposes:
        raise _wrong("the certificate is not for TLS servers")


def _check_chain(material: Material, now: datetime) -> None:
    if material.root in material.chain:
        raise _wrong("the root must be left out of the chain")
    path = (*material.chain, material.root)
    for position, (subject, issuer) in enumerate(pairwise(path)):
        _check_issuer(subject, issuer, position)
    _check_issuer(material.root, material.root, len(path) - 2)
    for each in path:
        if not each.not_valid_before_utc <= now < each.not_valid_after_utc:
            until = f"{each.not_valid_before_utc:%Y-%m-%dT%H:%MZ} to {each.not_valid_after_utc:%Y-%m-%dT%H:%MZ}"
            raise _wrong(f"{each.subject.rfc4514_string() or 'the leaf'} is not valid now, only from {until}")


def _check_issuer(subject: x509.Certificate, issuer: x509.Certificate, below: int) -> None:
    """Check one step of RFC 5280 section 6.1: signature, names, CA flag, path length, key usage."""
    name = issuer.subject.rfc4514_string()
    try:
        subject.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise _wrong(f"the chain does not hold: a certificate in it was not issued by {name}") from error
    basic = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    if not basic.ca or (basic.path_length is not None and basic.path_length < below):
        raise _wrong(f"{name} may not issue this certificate")
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise _wrong(f"{name} may not sign certificates")


def covers(leaf: x509.Certificate, name: str) -> bool:
    """Tell whether a client asking for ``name`` accepts the leaf (RFC 9525: SAN only, wildcard for one whole label)."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    try:
        return ipaddress.ip_address(name) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return _covers_dns(names.get_values_for_type(x509.DNSName), name.lower())


def _covers_dns(patterns: Sequence[str], name: str) -> bool:
    _, _, parent = name.partition(".")
    wanted = {name} | ({f"*.{parent}"} if "." in parent else set())
    return any(pattern.lower() in wanted for pattern in patterns)

"""Making certification authorities: a root, issuing CAs below it, and the agents' CA, a root of its own.

Each is prepared first and signed afterwards (``signers.signed``), like a leaf: the hash of the to-be-signed bytes is
recorded before a CA key is used. The root's new key is to be sealed (:mod:`infra.keystore.sealed`), the others go to
the key store.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from commands.ports.keystore import Secret
from domain.errors import InvalidInput, PolicyRefused
from infra.issuers.building import fresh_serial, whole_seconds
from infra.issuers.extensions import (
    Extension,
    authority_key_id,
    distribution_points,
    extension,
    issuer_access,
    key_usage,
)
from infra.issuers.names import checked_dns_name
from infra.issuers.schemes import CaPublicKey, ca_public_key
from infra.issuers.tbs import to_be_signed

_LONGEST_NAME = 64  # ub-common-name and ub-organization-name, RFC 5280 appendix A.1


@dataclass(frozen=True, slots=True)
class AuthorityPlan:
    """Who a new authority is and how long it lasts; both times are inclusive."""

    common_name: str
    organization: str
    not_before: datetime
    not_after: datetime

    def subject(self) -> x509.Name:
        """Return the distinguished name: organization where there is one, then common name."""
        for text, least in ((self.common_name, 1), (self.organization, 0)):
            if not least <= len(text) <= _LONGEST_NAME or not text.isprintable() or text != text.strip():
                fix = f"use 1 to {_LONGEST_NAME} printable characters, without spaces around them"
                raise InvalidInput("this is no authority's name", rule="authority-name", fix=fix)
        parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization)] if self.organization else []
        return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, self.common_name)])


@dataclass(frozen=True, slots=True)
class Parent:
    """The authority above a new issuing CA: its certificate, and where its CRL and certificate are served."""

    certificate_der: bytes
    crl_url: str
    aia_url: str


@dataclass(frozen=True, slots=True)
class NameLimits:
    """What an issuing CA may name at all: DNS subtrees and IP networks (CIDR); a kind without entries is excluded."""

    dns_names: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedAuthority:
    """A CA certificate before its signature, and the new authority's private key (PKCS #8, DER).

    ``signed_by``: the public key under which the signature must verify; a root's own.
    """

    serial: str
    tbs: bytes
    tbs_sha256: str
    key: Secret
    signed_by: CaPublicKey


def prepare_root(plan: AuthorityPlan, crl_url: str, *, path_length: int | None = 1) -> PreparedAuthority:
    """Prepare a self-signed authority on P-256; the CRL distribution point is its own CRL.

    A root that has a CRL says where: checkers that walk the whole chain otherwise find no CRL for the root itself.
    The agents' CA is a root with ``path_length=0``: it signs hosts' certificates only, and nothing else trusts it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    ski = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions = [
        *_ca_extensions(ski, path_length),
        extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)),
        extension(distribution_points(crl_url)),
    ]
    return _prepare(plan, plan.subject(), key, key.public_key(), extensions)


def prepare_issuing(plan: AuthorityPlan, parent: Parent, limits: NameLimits | None = None) -> PreparedAuthority:
    """Prepare an issuing CA (path length 0, P-256) below a parent, critically limited to some names where asked.

    Raises :class:`domain.errors.PolicyRefused` where it would outlive the parent and
    :class:`domain.errors.InvalidInput` where the parent may have no CA below it.
    """
    above = x509.load_der_x509_certificate(parent.certificate_der)
    _check_parent(above, plan)
    key = ec.generate_private_key(ec.SECP256R1())
    extensions = [
        *_ca_extensions(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), 0),
        extension(authority_key_id(above)),
        extension(distribution_points(parent.crl_url)),
        extension(issuer_access(parent.aia_url)),
    ]
    if limits is not None:
        extensions.append(extension(_name_constraints(limits), critical=True))
    return _prepare(plan, above.subject, key, ca_public_key(above.public_key()), extensions)


def _prepare(
    plan: AuthorityPlan,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signed_by: CaPublicKey,
    extensions: Sequence[Extension],
) -> PreparedAuthority:
    start, end = whole_seconds(plan.not_before), whole_seconds(plan.not_after)
    if end < start:
        raise InvalidInput(
            "the authority would end before it begins", rule="validity-order", fix="give it a longer life"
        )
    serial = fresh_serial()
    builder = x509.CertificateBuilder(issuer, plan.subject(), key.public_key(), serial, start, end, list(extensions))
    tbs = to_be_signed(builder, signed_by)
    secret = Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return PreparedAuthority(f"{serial:x}", tbs, hashlib.sha256(tbs).hexdigest(), secret, signed_by)


def _ca_extensions(ski: x509.SubjectKeyIdentifier, path_length: int | None) -> list[Extension]:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return [extension(constraints, critical=True), key_usage(ca=True), extension(ski)]


def _check_parent(above: x509.Certificate, plan: AuthorityPlan) -> None:
    constraints = above.extensions.get_extension_for_class(x509.BasicConstraints).value
    if not constraints.ca or constraints.path_length == 0:
        raise InvalidInput("this authority may have no other below it", rule="path-length", fix="name a root")
    if plan.subject() == above.subject:
        raise InvalidInput(
            "the authority would have its parent's name", rule="authority-name", fix="name it differently"
        )
    if whole_seconds(plan.not_after) > above.not_valid_after_utc:
        raise PolicyRefused(
            "the authority would outlive its parent", rule="outlives-issuer", fix="shorten its validity"
        )


def _name_constraints(limits: NameLimits) -> x509.NameConstraints:
    """Permit what is named and exclude the kind of name of which nothing is permitted (RFC 5280 section 4.2.1.10)."""
    try:
        networks = [ipaddress.ip_network(text) for text in limits.networks]
    except ValueError:
        raise InvalidInput("an IP network is not in CIDR form", rule="name-limits", fix="e.g. 192.0.2.0/24") from None
    permitted: list[x509.GeneralName] = [x509.DNSName(checked_dns_name(name)) for name in limits.dns_names]
    permitted += [x509.IPAddress(network) for network in networks]
    if not permitted:
        fix = "permit a DNS name or a network, or set no limits"
        raise InvalidInput("the name limits permit no name at all", rule="name-limits", fix=fix)
    excluded: list[x509.GeneralName] = [] if limits.dns_names else [x509.DNSName("")]
    for version, everything in ((4, "0.0.0.0/0"), (6, "::/0")):
        if not any(network.version == version for network in networks):
            excluded.append(x509.IPAddress(ipaddress.ip_network(everything)))
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)

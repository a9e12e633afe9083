"""A root, an issuing CA and the agents' CA, made by the real code, for tests of everything that signs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from commands.ports.issuers import CertificateTemplate
from commands.ports.keystore import Secret
from infra.issuers.hierarchy import (
    AuthorityPlan,
    NameLimits,
    Parent,
    PreparedAuthority,
    prepare_issuing,
    prepare_root,
)
from infra.issuers.internal import InternalIssuers
from infra.issuers.records import IssuerRecord, aia_url, crl_url
from infra.issuers.signers import PKCS8_FIELD, SoftwareSigner, signed
from tests.support.keystores import MemoryKeyStore

BASE = "http://pki.example:8080"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TLS, AGENTS = "issuer-tls", "issuer-agents"
LEAF_KEYS = ("EC-P256", "EC-P384", "RSA-2048", "RSA-3072", "Ed25519")


@dataclass(frozen=True)
class Hierarchy:
    """Three authorities and what signs with two of them; the root's key stands apart, as if unsealed."""

    root_der: bytes
    root_key: Secret
    tls: IssuerRecord
    agents: IssuerRecord
    keystore: MemoryKeyStore
    issuers: InternalIssuers


async def make_hierarchy(limits: NameLimits | None = None) -> Hierarchy:
    """Make the authorities; all begin at ``NOON``."""
    root = prepare_root(plan("Test Root", 3650), crl_url(BASE, "root"))
    root_der = await _self_signed(root)
    parent = Parent(root_der, crl_url(BASE, "root"), aia_url(BASE, "root"))
    tls = prepare_issuing(plan("Test Issuing", 1825), parent, limits)
    tls_der = await signed(tls.tbs, tls.signed_by, SoftwareSigner.from_pkcs8(root.key))
    agents = prepare_root(plan("Test Agents", 1825), crl_url(BASE, "agents"), path_length=0)
    agents_der = await _self_signed(agents)
    keystore = MemoryKeyStore()
    keystore.put("key-tls", PKCS8_FIELD, tls.key)
    keystore.put("key-agents", PKCS8_FIELD, agents.key)
    tls_record = _record(TLS, "tls", tls_der, (tls_der, root_der))
    agents_record = _record(AGENTS, "agents", agents_der, (agents_der,))
    issuers = InternalIssuers([tls_record, agents_record], keystore)
    return Hierarchy(root_der, root.key, tls_record, agents_record, keystore, issuers)


def plan(name: str, days: int) -> AuthorityPlan:
    """Return the plan of an authority that begins at ``NOON``."""
    return AuthorityPlan(name, "Example Ltd", NOON, NOON + timedelta(days=days))


def new_spki(algorithm: str = "EC-P256") -> bytes:
    """Make a key and return its public half (SubjectPublicKeyInfo, DER)."""
    family, _, size = algorithm.partition("-")
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
    if family == "EC":
        key = ec.generate_private_key(ec.SECP256R1() if size == "P256" else ec.SECP384R1())
    elif family == "RSA":
        key = rsa.generate_private_key(65537, int(size))
    else:
        key = ed25519.Ed25519PrivateKey.generate()
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def template(spki_der: bytes, *dns_names: str, ip_addresses: tuple[str, ...] = ()) -> CertificateTemplate:
    """Return a server certificate's template for 30 days from ``NOON``; the first name is the common name."""
    first = (*dns_names, *ip_addresses)[0]
    end = NOON + timedelta(days=30)
    return CertificateTemplate(TLS, spki_der, dns_names, ip_addresses, first, NOON, end, ("serverAuth",))


async def _self_signed(prepared: PreparedAuthority) -> bytes:
    return await signed(prepared.tbs, prepared.signed_by, SoftwareSigner.from_pkcs8(prepared.key))


def _record(issuer_id: str, slug: str, certificate: bytes, chain: tuple[bytes, ...]) -> IssuerRecord:
    kind: Literal["issuing", "agents"] = "agents" if slug == "agents" else "issuing"
    urls = crl_url(BASE, slug), aia_url(BASE, slug)
    return IssuerRecord(issuer_id, slug, certificate, chain, f"key-{slug}", *urls, kind)

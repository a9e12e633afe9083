"""Files of a whole hierarchy, as tools want them."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.issuers.crl import crl_to_be_signed
from infra.issuers.records import crl_url
from infra.issuers.signers import SoftwareSigner, signed
from tests.support.authorities import BASE, NOON, Hierarchy, make_hierarchy


@pytest.fixture(scope="session")
def hierarchy() -> Hierarchy:
    """Make one hierarchy for all tests that only issue."""
    return asyncio.run(make_hierarchy())


async def root_crl(hierarchy, revoked=(), number=1):
    """Sign the root's CRL, as a ceremony does."""
    root = x509.load_der_x509_certificate(hierarchy.root_der)
    tbs = crl_to_be_signed(root, crl_url(BASE, "root"), number, NOON, NOON + timedelta(days=90), revoked)
    return await signed(tbs, root.public_key(), SoftwareSigner.from_pkcs8(hierarchy.root_key))


@pytest.fixture(scope="session")
def make():
    """Give the small helpers that several tests share."""
    return SimpleNamespace(root_crl=root_crl, pem=certificate_pem, crl_pem=crl_pem)


def certificate_pem(*ders: bytes) -> bytes:
    """Return certificates as PEM."""
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM) for der in ders)


def crl_pem(*ders: bytes) -> bytes:
    """Return CRLs as PEM."""
    return b"".join(x509.load_der_x509_crl(der).public_bytes(Encoding.PEM) for der in ders)

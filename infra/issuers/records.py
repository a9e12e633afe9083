"""What a process must know of an issuer to sign as it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class IssuerRecord:
    """One internal certification authority; public facts only.

    - ``chain_der``: certificates from this issuer's own up to its root, as :meth:`Issuers.chain` answers them.
    - ``key_id``: where the key store holds its private key.
    - ``crl_url``: of its CRL, written into every certificate and, byte for byte, into the CRL itself.
    - ``aia_url``: of its certificate. Both are plain HTTP: fetching them over TLS would need themselves.
    - ``kind``: ``issuing`` signs leaf certificates for names, ``agents`` client certificates of hosts only, and a
      ``root``, unsealed for a ceremony, neither.
    """

    issuer_id: str
    slug: str
    certificate_der: bytes
    chain_der: tuple[bytes, ...]
    key_id: str
    crl_url: str
    aia_url: str
    kind: Literal["root", "issuing", "agents"] = "issuing"


def crl_url(base_url: str, slug: str, shard: int = 0) -> str:
    """Return where an issuer's CRL is served: ``<base>/crl/<slug>/<shard>.crl``."""
    return f"{base_url.rstrip('/')}/crl/{slug}/{shard}.crl"


def aia_url(base_url: str, slug: str) -> str:
    """Return where an issuer's certificate is served: ``<base>/aia/<slug>.cer`` (DER, RFC 5280 section 4.2.2.1)."""
    return f"{base_url.rstrip('/')}/aia/{slug}.cer"

"""What a process must know of an issuer to sign as it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from domain.errors import InvalidInput

_SLUG = re.compile("[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


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


def checked_chain(record: IssuerRecord) -> list[x509.Certificate]:
    """Return the chain, own certificate first; raises InvalidInput where it is no chain of CAs up to a root."""
    try:
        chain = [x509.load_der_x509_certificate(der) for der in record.chain_der]
        for below, above in zip(chain, [*chain[1:], *chain[-1:]], strict=True):
            below.verify_directly_issued_by(above)
            _refuse_other_than_ca(below)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as broken:
        raise _bad_chain(record, str(broken)) from None
    if not chain or record.chain_der[0] != record.certificate_der:
        raise _bad_chain(record, "it does not begin with the issuer's own certificate")
    return chain


def _refuse_other_than_ca(certificate: x509.Certificate) -> None:
    extensions = certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise ValueError("a certificate in it is no CA's")


def _bad_chain(record: IssuerRecord, why: str) -> InvalidInput:
    return InvalidInput(
        f"the chain of issuer {record.issuer_id} does not hold: {why}",
        rule="issuer-chain",
        fix="give the certificates from the issuer's own up to its root",
    )


def crl_url(base_url: str, slug: str, shard: int = 0) -> str:
    """Return where an issuer's CRL is served: ``<base>/crl/<slug>/<shard>.crl``."""
    return f"{base_url.rstrip('/')}/crl/{_checked(slug)}/{shard}.crl"


def aia_url(base_url: str, slug: str) -> str:
    """Return where an issuer's certificate is served: ``<base>/aia/<slug>.cer`` (DER, RFC 5280 section 4.2.2.1)."""
    return f"{base_url.rstrip('/')}/aia/{_checked(slug)}.cer"


def _checked(slug: str) -> str:
    if not _SLUG.fullmatch(slug):
        raise InvalidInput(
            f"{slug[:80]!r} is no short name for addresses", rule="issuer-slug", fix="use a-z, 0-9 and -"
        )
    return slug

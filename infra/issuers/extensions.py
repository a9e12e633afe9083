"""The extensions of RFC 5280 as this CA writes them, encoded once where they never change."""

from __future__ import annotations

import re
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from domain.errors import InvalidInput

Extension = x509.Extension[x509.ExtensionType]
LeafKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

_USAGES = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
}
_HTTP = re.compile(r"http://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[A-Za-z0-9._~/-]+")
_RSA_BITS = range(2048, 4097)
_SMALLEST_RSA_EXPONENT = 65537


def extension(value: x509.ExtensionType, *, critical: bool = False) -> Extension:
    """Return an extension as the builders take it."""
    return x509.Extension(value.oid, critical, value)


def encoded(extension_: Extension) -> Extension:
    """Return the same extension with its value encoded already: the builder then only copies bytes."""
    value = x509.UnrecognizedExtension(extension_.oid, extension_.value.public_bytes())
    return x509.Extension(extension_.oid, extension_.critical, value)


def key_usage(*, signs: bool = False, enciphers: bool = False, agrees: bool = False, ca: bool = False) -> Extension:
    """Return keyUsage, critical (RFC 5280 section 4.2.1.3)."""
    usage = x509.KeyUsage(
        digital_signature=signs,
        content_commitment=False,
        key_encipherment=enciphers,
        data_encipherment=False,
        key_agreement=agrees,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
    return extension(usage, critical=True)


RSA_LEAF_USAGE = encoded(key_usage(signs=True, enciphers=True))
SIGNING_LEAF_USAGE = encoded(key_usage(signs=True))
"""EC and Ed25519 keys of leaves sign only (RFC 8813 section 3, RFC 8410 section 5)."""

_KEY_USAGES = frozenset({"digitalSignature", "keyEncipherment", "keyAgreement"})


def leaf_usage(key: LeafKey, names: tuple[str, ...]) -> Extension:
    """Return keyUsage for a leaf: what is named, else what its algorithm is for.

    Raises :class:`domain.errors.InvalidInput` where the algorithm cannot do it: key encipherment is RSA's, key
    agreement is for curves P-256 and P-384 (RFC 8813 section 3), Ed25519 signs only (RFC 8410 section 5).
    """
    rsa_key = isinstance(key, rsa.RSAPublicKey)
    if not names:
        return RSA_LEAF_USAGE if rsa_key else SIGNING_LEAF_USAGE
    able = {"digitalSignature"} | ({"keyEncipherment"} if rsa_key else set())
    able |= {"keyAgreement"} if isinstance(key, ec.EllipticCurvePublicKey) else set()
    if not set(names) <= able & _KEY_USAGES:
        raise InvalidInput(
            f"a key of this kind has no usage {', '.join(sorted(set(names) - able))}",
            rule="key-usage",
            fix="RSA enciphers keys, P-256 and P-384 agree on keys, all of them sign",
        )
    return encoded(
        key_usage(
            signs="digitalSignature" in names, enciphers="keyEncipherment" in names, agrees="keyAgreement" in names
        )
    )


NOT_A_CA = encoded(extension(x509.BasicConstraints(ca=False, path_length=None), critical=True))
"""Said rather than left out: an empty sequence that also tells verifiers which mistake absence for consent."""


@lru_cache(maxsize=16)
def extended_key_usage(usages: tuple[str, ...]) -> Extension:
    """Return the extended key usage; raises :class:`domain.errors.InvalidInput` for none or an unknown one."""
    if not usages or len(set(usages)) != len(usages) or not set(usages) <= _USAGES.keys():
        raise InvalidInput(
            "the extended key usages are none, unknown or doubled",
            rule="extended-key-usage",
            fix=f"name one or more of {', '.join(_USAGES)}",
        )
    return encoded(extension(x509.ExtendedKeyUsage([_USAGES[name] for name in usages])))


def distribution_points(crl_url: str) -> x509.CRLDistributionPoints:
    """Return where the CRL is (RFC 5280 section 4.2.1.13)."""
    return x509.CRLDistributionPoints([x509.DistributionPoint([plain_http(crl_url)], None, None, None)])


def issuer_access(aia_url: str) -> x509.AuthorityInformationAccess:
    """Return where the issuer's certificate is (RFC 5280 section 4.2.2.1)."""
    where = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, plain_http(aia_url))
    return x509.AuthorityInformationAccess([where])


def plain_http(url: str) -> x509.UniformResourceIdentifier:
    """Return an address of the PKI itself; raises InvalidInput for other than HTTP: TLS would need what it fetches."""
    if not _HTTP.fullmatch(url):
        raise InvalidInput(
            f"{url[:200]!r} is no plain HTTP address",
            rule="pki-url",
            fix="configure a base such as http://pki.example:8080",
        )
    return x509.UniformResourceIdentifier(url)


def authority_key_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    """Return the issuer's subject key identifier, copied and never recomputed (RFC 5280 section 4.2.1.1)."""
    ski = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski)


def leaf_key(spki_der: bytes) -> LeafKey:
    """Read a subject's public key; raises :class:`domain.errors.InvalidInput` for what we do not certify."""
    try:
        key = load_der_public_key(spki_der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _bad_key("no public key can be read") from None
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1):
        return key
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS:
        if key.public_numbers().e >= _SMALLEST_RSA_EXPONENT:
            return key
    elif isinstance(key, ed25519.Ed25519PublicKey):
        return key
    raise _bad_key("the key is of a type or size that is not certified")


def _bad_key(why: str) -> InvalidInput:
    fix = "use EC P-256, EC P-384, RSA with 2048 to 4096 bits and e >= 65537, or Ed25519"
    return InvalidInput(why, rule="subject-key", fix=fix)

"""Issuers with other keys than P-256, imported from elsewhere: the signature algorithm follows the key."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from commands.ports.keystore import Secret
from infra.issuers.extensions import extension, key_usage
from infra.issuers.internal import InternalIssuers
from infra.issuers.records import IssuerRecord, aia_url, crl_url
from infra.issuers.signers import PKCS8_FIELD
from tests.support.authorities import BASE, NOON, TLS, new_spki, plan, template
from tests.support.keystores import MemoryKeyStore

KEYS = {
    "EC-P384": (
        lambda: ec.generate_private_key(ec.SECP384R1()),
        hashes.SHA384(),
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    ),
    "RSA-3072": (lambda: rsa.generate_private_key(65537, 3072), hashes.SHA256(), SignatureAlgorithmOID.RSA_WITH_SHA256),
}


def imported(key, hash_):
    """Make a self-signed authority outside our own code."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Imported")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, NOON, plan("x", 365).not_after)
    for each in (
        extension(x509.BasicConstraints(ca=True, path_length=0), critical=True),
        key_usage(ca=True),
        extension(x509.SubjectKeyIdentifier(b"not a hash of the key")),
    ):
        builder = builder.add_extension(each.value, each.critical)
    return builder.sign(key, hash_)


@pytest.mark.parametrize(("make", "hash_", "algorithm"), KEYS.values(), ids=KEYS)
async def test_other_ca_keys(make, hash_, algorithm):
    """Leaf and CRL verify under the authority's key, and its key identifier is copied as it stands."""
    key = make()
    authority = imported(key, hash_)
    der = authority.public_bytes(Encoding.DER)
    keystore = MemoryKeyStore()
    keystore.put("k", PKCS8_FIELD, Secret(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())))
    record = IssuerRecord(TLS, "imported", der, (der,), "k", crl_url(BASE, "imported"), aia_url(BASE, "imported"))
    issuers = InternalIssuers([record], keystore)

    leaf = x509.load_der_x509_certificate(await issuers.sign(issuers.prepare(template(new_spki(), "a.shop.test"))))
    revoked = x509.load_der_x509_crl(await issuers.sign_crl(TLS, 1, NOON, plan("x", 7).not_after, ()))

    leaf.verify_directly_issued_by(authority)
    assert revoked.is_signature_valid(authority.public_key())
    assert leaf.signature_algorithm_oid == revoked.signature_algorithm_oid == algorithm
    copied = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert copied.key_identifier == b"not a hash of the key"

"""Keys that the key store makes and holds for others: made and packed in a thread, never on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from commands.ports.keys import Package, StoredKey
from commands.ports.keystore import KeyStore, Secret
from domain.certificates.fingerprints import fingerprint
from domain.certificates.public_keys import key_algorithm
from domain.errors import AlreadyExists, NotFound, WrongState
from domain.keys.reveal import Form
from domain.profiles.spec import KeyAlgorithm
from infra.issuers.signers import PKCS8_FIELD
from infra.keystore.pkcs12 import HeldKey, pkcs12, random_password

_EXPONENT = 65_537


class KeyStoreCustody:
    """Adapter of the port :class:`commands.ports.keys.Custody` over the key store.

    The library lets go of the interpreter's lock while it looks for primes, so that a thread is enough for RSA; packing
    does not, and is kept short (:data:`infra.keystore.pkcs12.ROUNDS`).
    """

    def __init__(self, keystore: KeyStore) -> None:
        self._keystore = keystore

    async def make(self, key_id: str, algorithm: KeyAlgorithm) -> StoredKey:
        """Make a key and store it under this id, or return the one that is there."""
        return await asyncio.to_thread(self._make, key_id, algorithm)

    async def pack(self, key_id: str, chain: Sequence[bytes], *, form: Form) -> Package:
        """Return the key with its chain as PKCS #12 under a fresh random password."""
        return await asyncio.to_thread(self._pack, key_id, chain, form)

    def _make(self, key_id: str, algorithm: KeyAlgorithm) -> StoredKey:
        try:
            key = self._load(key_id)
        except NotFound:
            key = self._stored(key_id, generate(algorithm))
        spki = _spki(key)
        return StoredKey(key_id, spki, fingerprint(spki), key_algorithm(key.public_key()))

    def _stored(self, key_id: str, key: HeldKey) -> HeldKey:
        pkcs8 = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        try:
            self._keystore.put(key_id, PKCS8_FIELD, Secret(pkcs8))
        except AlreadyExists:  # another process made it in the meantime: that one counts
            return self._load(key_id)
        return key

    def _pack(self, key_id: str, chain: Sequence[bytes], form: Form) -> Package:
        key = self._load(key_id)
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
        leaf = certificates[0].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if leaf != _spki(key):
            raise WrongState(
                "the certificate is for another key than the one that is stored",
                rule="key-mismatch",
                fix="restore the key store that belongs to this ledger",
            )
        password = random_password()
        return Package(pkcs12(key, certificates, password, form), password)

    def _load(self, key_id: str) -> HeldKey:
        key = load_der_private_key(self._keystore.get(key_id, PKCS8_FIELD).reveal(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise WrongState("the stored key is of a kind that is not held", rule="key-kind", fix="make a new key")
        return key


def generate(algorithm: KeyAlgorithm) -> HeldKey:
    """Make a key from the operating system's randomness (FIPS 186-5); RSA-4096 takes a second or more."""
    if algorithm == "Ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    family, _, size = algorithm.partition("-")
    if family == "RSA":
        return rsa.generate_private_key(_EXPONENT, int(size))
    return ec.generate_private_key(ec.SECP256R1() if size == "P256" else ec.SECP384R1())


def _spki(key: HeldKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

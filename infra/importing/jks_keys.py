"""The two old ways in which Java protects a private key in its stores; both are kept only to be read.

JKS (``sun.security.provider.KeyProtector``): XOR with a key stream of SHA-1 over password and the block before, then a
SHA-1 over password and key. JCEKS (``com.sun.crypto.provider.KeyProtector``): PBEWithMD5AndTripleDES, a Sun scheme.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from infra.importing.keys import read_der_key
from infra.importing.pieces import Passwords, Unreadable, locked
from infra.importing.tlv import INTEGER, OCTETS, OID, SEQUENCE, parts, whole

_JKS_OID = bytes.fromhex("2b060104012a02110101")  # 1.3.6.1.4.1.42.2.17.1.1
_JCEKS_OID = bytes.fromhex("2b060104012a021301")  # 1.3.6.1.4.1.42.2.19.1
_HASH = 20
_BLOCK = 8
MAX_ROUNDS = 5_000_000
"""As OpenJDK's own limit (``jdk.jceks.iterationCount``)."""


def wide(password: str) -> bytes:
    """Return a password as Java hands it to these algorithms: UTF-16, big-endian."""
    return password.encode("utf-16-be", "surrogatepass")


def unlock(protected: bytes, passwords: Passwords) -> bytes:
    """Return the key (plain PKCS #8) of an EncryptedPrivateKeyInfo of either scheme. Raises Unreadable."""
    [(_, body)] = parts(protected, SEQUENCE)
    algorithm, sealed = whole(body, SEQUENCE, OCTETS)
    oid, parameters = _algorithm(algorithm)
    for password in passwords:
        if oid == _JKS_OID:
            key = _unlock_jks(sealed, password)
        elif oid == _JCEKS_OID:
            key = _unlock_jceks(sealed, parameters, password)
        else:
            raise Unreadable("a private key under a protection that is not read", rule="import-key-kind")
        if key is not None:
            return read_der_key(key, ())
    raise locked("a private key", passwords)


def _algorithm(body: bytes) -> tuple[bytes, bytes]:
    found = parts(body)
    if not found or found[0][0] != OID:
        raise Unreadable("a private key under a protection that is not read", rule="import-key-kind")
    return found[0][1], found[1][1] if len(found) > 1 else b""


def _unlock_jks(sealed: bytes, password: str) -> bytes | None:
    """Return the key, None where the password does not fit; the check at the end proves key and password."""
    if len(sealed) <= 2 * _HASH:
        raise Unreadable("a private key that is cut off")
    secret = wide(password)
    block, encrypted, check = sealed[:_HASH], sealed[_HASH:-_HASH], sealed[-_HASH:]
    stream = bytearray()
    while len(stream) < len(encrypted):
        block = hashlib.sha1(secret + block, usedforsecurity=False).digest()
        stream += block
    key = bytes(a ^ b for a, b in zip(encrypted, stream, strict=False))
    proof = hashlib.sha1(secret + key, usedforsecurity=False).digest()
    return key if hmac.compare_digest(proof, check) else None


def _unlock_jceks(sealed: bytes, parameters: bytes, password: str) -> bytes | None:
    salt, count = whole(parameters, OCTETS, INTEGER)
    rounds = int.from_bytes(count, "big")
    if len(salt) != _BLOCK or not 0 < rounds <= MAX_ROUNDS or not sealed or len(sealed) % _BLOCK:
        raise Unreadable("a private key under a protection that is not read", rule="import-key-kind")
    derived = _derive(salt, rounds, password.encode("latin-1", "replace"))
    decryptor = Cipher(TripleDES(derived[:24]), CBC(derived[24:])).decryptor()
    unpadder = PKCS7(_BLOCK * 8).unpadder()
    try:
        return unpadder.update(decryptor.update(sealed) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        return None


def _derive(salt: bytes, rounds: int, password: bytes) -> bytes:
    """Return 32 bytes of key and IV: each half of the salt is hashed with the password, again and again."""
    halves = [salt[:4], salt[4:]]
    if halves[0] == halves[1]:
        a, b, _, d = halves[0]  # meant to be turned round; what OpenJDK really does is this, and so it is the scheme
        halves[0] = bytes((d, a, b, d))
    derived = b""
    for half in halves:
        digest = half
        for _ in range(rounds):
            digest = hashlib.md5(digest + password, usedforsecurity=False).digest()
        derived += digest
    return derived

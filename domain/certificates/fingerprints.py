"""Fingerprints by which certificates, requests and keys are known: SHA-256, lower-case hex."""

from __future__ import annotations

from hashlib import sha256


def fingerprint(der: bytes) -> str:
    """Return the SHA-256 of DER bytes (a certificate, a CRL, a CSR or a SubjectPublicKeyInfo) in lower-case hex."""
    return sha256(der).hexdigest()

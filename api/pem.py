"""Certificates as PEM text (RFC 7468)."""

from __future__ import annotations

import base64
from functools import lru_cache

_LINE = 64


def pem_from_base64(text: str) -> str:
    """Return the PEM of a certificate whose DER is given in base64."""
    lines = "\n".join(text[start : start + _LINE] for start in range(0, len(text), _LINE))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n"


@lru_cache(maxsize=256)
def pem_from_der(der: bytes) -> str:
    """Return the PEM of a CA certificate; remembered, since every answer carries the same few."""
    return pem_from_base64(base64.b64encode(der).decode())

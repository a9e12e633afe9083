"""Security strengths of subject keys: data with a source and a version, not code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

TABLE: Final = "NIST SP 800-57 part 1 rev. 5 (2020-05) tables 2 and 4; NIST SP 800-131A rev. 2 (2019-03)"
"""What the numbers below come from.

The drafts that are to follow agree: SP 800-131A rev. 3 (ipd, 2024-10) table 3 deprecates 112 bits after 2030-12-31, and
SP 800-57 part 1 rev. 6 (ipd, 2025-12) leaves its time frames to it. A final edition is a change of this file.
"""

SECURITY_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "RSA-2048": 112,
        "RSA-3072": 128,
        "RSA-4096": 128,  # between two lines of table 2; counted as the lower one
        "EC-P256": 128,
        "EC-P384": 192,
        "EC-P521": 256,
        "Ed25519": 128,  # SP 800-186 table 1
        "Ed448": 224,
        "EC-P224": 112,
        "EC-P192": 80,
        "ML-DSA-44": 128,
        "ML-DSA-65": 192,
        "ML-DSA-87": 256,
    }
)

LAST_DAY_OF_112_BITS: Final = date(2030, 12, 31)
"""The last day on which 112 bits may protect something new (table 4: 2031 and beyond, disallowed)."""

MINIMUM_AFTER: Final = 128
"""Bits of security that are needed after that day."""

MINIMUM_EVER: Final = 112
"""Bits of security below which nothing has been signed since 2014 (SP 800-131A: RSA below 2048, EC below 224)."""

_RSA_LINES: Final = ((7680, 192), (3072, 128), (2048, 112), (1024, 80))
"""Smallest modulus of each line of table 2, the strongest first."""


def security_bits(key_algorithm: str) -> int:
    """Return the bits of security of a key by its name (``EC-P256``, ``RSA-2048``); 0 for one without a line."""
    kind, _, size = key_algorithm.partition("-")
    if key_algorithm not in SECURITY_BITS and kind == "RSA" and size.isdecimal():
        return next((bits for smallest, bits in _RSA_LINES if int(size) >= smallest), 0)
    return SECURITY_BITS.get(key_algorithm, 0)

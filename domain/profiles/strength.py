"""Security strengths of subject keys: data with a source, not code (NIST SP 800-57 part 1 rev. 5, tables 2 and 4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from domain.profiles.spec import KeyAlgorithm

SECURITY_BITS: Final[Mapping[KeyAlgorithm, int]] = MappingProxyType(
    {
        "RSA-2048": 112,
        "RSA-3072": 128,
        "RSA-4096": 128,  # between two lines of table 2; counted as the lower one
        "EC-P256": 128,
        "EC-P384": 192,
        "Ed25519": 128,  # SP 800-186 table 1
    }
)

LAST_DAY_OF_112_BITS: Final = date(2030, 12, 31)
"""The last day on which 112 bits may protect something new (table 4: 2031 and beyond, disallowed)."""

MINIMUM_AFTER: Final = 128
"""Bits of security that are needed after that day."""

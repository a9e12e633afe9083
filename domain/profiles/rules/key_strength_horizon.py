"""A key of 112 bits that would still sign in 2031 is for a person to decide."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Facts, Rule
from domain.profiles.strength import LAST_DAY_OF_112_BITS, MINIMUM_AFTER, security_bits

_DAY = 86_400


def _check(facts: Facts) -> str | None:
    if facts.key_algorithm is None or security_bits(facts.key_algorithm) >= MINIMUM_AFTER:
        return None
    # Whole days, rounded up: the request may be issued at the very end of its day.
    days, left = -(-facts.validity // _DAY), (LAST_DAY_OF_112_BITS - facts.on).days
    if left < 0 or days <= left:
        return None
    return f"{days} days; {facts.key_algorithm} is disallowed after {LAST_DAY_OF_112_BITS}, {left} days from now"


RULE = Rule(
    name="key-strength-horizon",
    citation="NIST SP 800-57 part 1 rev. 5 section 5.6.3, table 4; NIST SP 800-131A rev. 3 ipd (2024-10) table 3",
    effective=date(2020, 5, 4),
    waivable=True,
    fix="make an EC-P256, Ed25519 or RSA-3072 key, or ask for a shorter validity",
    check=_check,
)

"""A key of 112 bits that would still sign in 2031 is for a person to decide."""

from __future__ import annotations

from datetime import date, timedelta

from domain.profiles.facts import Facts, Rule
from domain.profiles.strength import LAST_DAY_OF_112_BITS, MINIMUM_AFTER, SECURITY_BITS

_DAY = 86_400


def _check(facts: Facts) -> str | None:
    if facts.key_algorithm is None or SECURITY_BITS[facts.key_algorithm] >= MINIMUM_AFTER:
        return None
    # Whole days, rounded up: the request may be issued at the very end of its day.
    end = facts.on + timedelta(days=-(-facts.validity // _DAY))
    if facts.on > LAST_DAY_OF_112_BITS or end <= LAST_DAY_OF_112_BITS:
        return None
    return f"{facts.key_algorithm} is disallowed after {LAST_DAY_OF_112_BITS}, the certificate would last until {end}"


RULE = Rule(
    name="key-strength-horizon",
    citation="NIST SP 800-57 part 1 rev. 5 section 5.6.3, table 4",
    effective=date(2020, 5, 4),
    waivable=True,
    fix="make an EC-P256, Ed25519 or RSA-3072 key, or ask for a shorter validity",
    check=_check,
)

"""From 2031 on, keys of less than 128 bits of security are not certified."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Facts, Rule
from domain.profiles.strength import LAST_DAY_OF_112_BITS, MINIMUM_AFTER, security_bits


def _check(facts: Facts) -> str | None:
    if facts.key_algorithm is None or (bits := security_bits(facts.key_algorithm)) >= MINIMUM_AFTER:
        return None
    return f"{facts.key_algorithm} has {bits} bits of security, disallowed after {LAST_DAY_OF_112_BITS}"


RULE = Rule(
    name="key-strength",
    citation="NIST SP 800-57 part 1 rev. 5 tables 2 and 4; NIST SP 800-131A rev. 2 section 3",
    effective=date(2031, 1, 1),
    waivable=False,
    fix="make an EC-P256, Ed25519 or RSA-3072 key",
    check=_check,
    binds=Binds.LIVING,
)

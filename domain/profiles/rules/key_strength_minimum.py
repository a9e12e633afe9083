"""A key of less than 112 bits of security signs nothing: RSA below 2048 bits, curves below 224."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Facts, Rule
from domain.profiles.strength import MINIMUM_EVER, security_bits


def _check(facts: Facts) -> str | None:
    if facts.key_algorithm is None or (bits := security_bits(facts.key_algorithm)) >= MINIMUM_EVER:
        return None
    return f"{facts.key_algorithm} has {bits} bits of security; {MINIMUM_EVER} are needed"


RULE = Rule(
    name="key-strength-minimum",
    citation="NIST SP 800-131A rev. 2 section 3 table 2; NIST SP 800-57 part 1 rev. 5 table 4",
    effective=date(2014, 1, 1),
    waivable=False,
    fix="make an EC-P256, Ed25519 or RSA-3072 key",
    check=_check,
    binds=Binds.LIVING,
)

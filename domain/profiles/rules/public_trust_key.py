"""A publicly trusted certificate has an RSA key of at least 2048 bits, or one on a NIST curve; nothing else."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Facts, Rule
from domain.profiles.public_trust import certifiable


def _check(facts: Facts) -> str | None:
    if not facts.profile.public_trust or facts.key_algorithm is None or certifiable(facts.key_algorithm):
        return None
    return f"{facts.key_algorithm} is no key for publicly trusted certificates"


RULE = Rule(
    name="public-trust-key",
    citation="CA/B TLS Baseline Requirements 2.2.6 section 6.1.5",
    effective=date(2014, 1, 1),
    waivable=False,
    fix="make an EC-P256, EC-P384 or RSA key of at least 2048 bits (their number divisible by 8)",
    check=_check,
    binds=Binds.ISSUED,
)

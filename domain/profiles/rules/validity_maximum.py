"""Longer than the profile's maximum, up to its hard maximum, is for a person to decide."""

from __future__ import annotations

from domain.moments import in_words
from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.profile.max_validity < facts.validity <= facts.profile.longest().total_seconds():
        given = in_words(facts.profile.max_validity)
        return f"{in_words(facts.validity)}; profile {facts.profile.name} gives {given} by itself"
    return None


RULE = Rule(
    name="validity-maximum",
    citation="the profile (max_validity); NIST SP 800-57 part 1 rev. 5 section 5.3 (cryptoperiods)",
    effective=ALWAYS,
    waivable=True,
    fix="ask for a shorter validity, or wait for an approval",
    check=_check,
)

"""Nobody can approve more than the profile's hard maximum."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    longest = int(facts.profile.longest().total_seconds())
    return f"{facts.validity} s; profile {facts.profile.name} ends at {longest} s" if facts.validity > longest else None


RULE = Rule(
    name="validity-hard-maximum",
    citation="the profile (hard_max_validity); NIST SP 800-57 part 1 rev. 5 section 5.3 (cryptoperiods)",
    effective=ALWAYS,
    waivable=False,
    fix="ask for a shorter validity",
    check=_check,
)

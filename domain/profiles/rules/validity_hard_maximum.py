"""Nobody can approve more than the profile's hard maximum."""

from __future__ import annotations

from domain.moments import in_words
from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    asked, longest = facts.validity, int(facts.profile.longest().total_seconds())
    return f"{in_words(asked)}; profile {facts.profile.name} ends at {in_words(longest)}" if asked > longest else None


RULE = Rule(
    name="validity-hard-maximum",
    citation="the profile (hard_max_validity); NIST SP 800-57 part 1 rev. 5 section 5.3 (cryptoperiods)",
    effective=ALWAYS,
    waivable=False,
    fix="ask for a shorter validity",
    check=_check,
)

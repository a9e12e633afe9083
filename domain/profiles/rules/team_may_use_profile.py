"""A profile is for the teams that it lists."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.team in facts.profile.teams:
        return None
    return f"team {facts.team} may not use profile {facts.profile.name}"


RULE = Rule(
    name="team-may-use-profile",
    citation="NIST SP 800-53 rev. 5, AC-3 access enforcement",
    effective=ALWAYS,
    waivable=False,
    fix="use a profile that lists the team",
    check=_check,
    binds=Binds.LIVING,
)

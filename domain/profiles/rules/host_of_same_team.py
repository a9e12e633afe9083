"""A team gets keys made on its own hosts only."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.host_team is None or facts.host_team == facts.team:
        return None
    return "the host belongs to another team"


RULE = Rule(
    name="host-of-same-team",
    citation="NIST SP 800-53 rev. 5, AC-3 access enforcement",
    effective=ALWAYS,
    waivable=False,
    fix="choose a host of the requesting team",
    check=_check,
)

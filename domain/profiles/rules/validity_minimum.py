"""A certificate outlives its back-dating."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.validity > facts.profile.backdate:
        return None
    return f"{facts.validity} s end before they begin: notBefore lies {facts.profile.backdate} s back"


RULE = Rule(
    name="validity-minimum",
    citation="RFC 5280 section 4.1.2.5",
    effective=ALWAYS,
    waivable=False,
    fix="ask for a longer validity",
    check=_check,
)

"""The key is of an algorithm and size that the profile lists."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.key_algorithm is None or facts.key_algorithm in facts.profile.key_algorithms:
        return None
    return f"{facts.key_algorithm}; profile {facts.profile.name} takes {', '.join(facts.profile.key_algorithms)}"


RULE = Rule(
    name="key-algorithm-in-profile",
    citation="the profile (key_algorithms)",
    effective=ALWAYS,
    waivable=False,
    fix="make a key of a listed algorithm",
    check=_check,
    binds=Binds.LIVING,
)

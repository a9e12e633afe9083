"""A wildcard certificate needs a profile that permits wildcards."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    stars = [name for name in facts.dns_names if name.startswith("*.")]
    if facts.profile.allow_wildcards or not stars:
        return None
    return f"profile {facts.profile.name} permits no wildcards: {', '.join(stars)}"


RULE = Rule(
    name="wildcard-allowed",
    citation="the profile (allow_wildcards); NSA, Avoid Dangers of Wildcard TLS Certificates (2021)",
    effective=ALWAYS,
    waivable=False,
    fix="name each host by its full name",
    check=_check,
    binds=Binds.LIVING,
)

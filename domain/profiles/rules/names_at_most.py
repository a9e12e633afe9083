"""A certificate names no more than its profile allows, and nothing twice."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    names = (*facts.dns_names, *facts.ip_addresses)
    if len(set(names)) != len(names):
        return "a name is given twice"
    if len(names) > facts.profile.max_names:
        return f"{len(names)} names; profile {facts.profile.name} allows {facts.profile.max_names}"
    return None


RULE = Rule(
    name="names-at-most",
    citation="the profile (max_names)",
    effective=ALWAYS,
    waivable=False,
    fix="give each name once, and spread many names over several certificates",
    check=_check,
)

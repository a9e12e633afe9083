"""Every DNS name is covered by one of the profile's patterns."""

from __future__ import annotations

from domain.certificates.names import covering_patterns
from domain.profiles.facts import ALWAYS, Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    allowed = frozenset(facts.profile.allowed_names)
    outside = [name for name in facts.dns_names if allowed.isdisjoint(covering_patterns(name))]
    return f"outside profile {facts.profile.name}: {', '.join(outside)}" if outside else None


RULE = Rule(
    name="names-inside-profile",
    citation="CA/B TLS Baseline Requirements 3.2.2.4 (authority over each name)",
    effective=ALWAYS,
    waivable=False,
    fix="leave the names out, or have the profile changed",
    check=_check,
    binds=Binds.LIVING,
)

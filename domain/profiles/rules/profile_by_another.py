"""Nobody's own profile approves their own order: else one person alone could have anything issued."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if not facts.own_profile:
        return None
    return f"this version of profile {facts.profile.name} was written by whoever orders by it"


RULE = Rule(
    name="profile-by-another",
    citation="NIST SP 800-53 rev. 5, AC-5 separation of duties; PCI DSS 4.0.1, 6.5.4",
    effective=ALWAYS,
    waivable=True,
    fix="wait for an approval by somebody else",
    check=_check,
)

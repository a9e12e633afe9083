"""A profile with manual approval always waits for people."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.profile.approval == "policy":
        return None
    people = facts.profile.approvals
    return f"profile {facts.profile.name} waits for {people} approval{'s' if people > 1 else ''}"


RULE = Rule(
    name="approval-required",
    citation="the profile (approval); NIST SP 800-53 rev. 5, AC-5 separation of duties",
    effective=ALWAYS,
    waivable=True,
    fix="wait for an approval by somebody else",
    check=_check,
)

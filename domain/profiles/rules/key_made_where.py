"""The key is made where the profile says: on the host, or by the client that brings a CSR."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.key_made in facts.profile.key_made:
        return None
    return f"keys made by the {facts.key_made} are not for profile {facts.profile.name}"


RULE = Rule(
    name="key-made-where",
    citation="the profile (key_made); NIST SP 800-57 part 1 rev. 5 section 8.1.5.1 (key-pair generation)",
    effective=ALWAYS,
    waivable=False,
    fix="have the key made where the profile says",
    check=_check,
)

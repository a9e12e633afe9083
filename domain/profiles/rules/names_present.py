"""A certificate names at least one DNS name or address."""

from __future__ import annotations

from domain.profiles.facts import ALWAYS, Facts, Rule


def _check(facts: Facts) -> str | None:
    if facts.dns_names or facts.ip_addresses:
        return None
    return "the request names nothing"


RULE = Rule(
    name="names-present",
    citation="CA/B TLS Baseline Requirements 7.1.2.7.12",
    effective=ALWAYS,
    waivable=False,
    fix="give at least one DNS name or IP address",
    check=_check,
)

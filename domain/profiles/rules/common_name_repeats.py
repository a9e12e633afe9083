"""A common name only repeats one of the names, and only where the profile has one."""

from __future__ import annotations

from datetime import date

from domain.certificates.names import MAX_COMMON_NAME
from domain.profiles.facts import Facts, Rule


def _check(facts: Facts) -> str | None:
    name = facts.common_name
    if name is None:
        return None
    if facts.profile.common_name == "none":
        return f"profile {facts.profile.name} has no common name"
    if name not in (*facts.dns_names, *facts.ip_addresses):
        return "the common name is none of the requested names"
    return f"the common name is longer than {MAX_COMMON_NAME} characters" if len(name) > MAX_COMMON_NAME else None


RULE = Rule(
    name="common-name-repeats",
    citation="CA/B TLS Baseline Requirements 7.1.4.3; RFC 5280 appendix A.1",
    effective=date(2012, 7, 1),
    waivable=False,
    fix="leave the common name out: clients read the subject alternative names (RFC 9525)",
    check=_check,
)

"""No wildcard directly below a public suffix."""

from __future__ import annotations

from datetime import date

from domain.certificates.names import wildcard_bases
from domain.profiles.facts import Facts, Rule


def _check(facts: Facts) -> str | None:
    open_to_all = sorted(wildcard_bases(facts.dns_names) & facts.public_suffixes)
    return f"a wildcard below a public suffix: {', '.join(open_to_all)}" if open_to_all else None


RULE = Rule(
    name="wildcard-public-suffix",
    citation="CA/B TLS Baseline Requirements 3.2.2.6",
    effective=date(2012, 7, 1),
    waivable=False,
    fix="put the star at least one label further down",
    check=_check,
)

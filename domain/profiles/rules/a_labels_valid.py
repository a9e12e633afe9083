"""Every xn-- label encodes a label that IDNA 2008 permits."""

from __future__ import annotations

from datetime import date

from domain.certificates.names import a_labels
from domain.profiles.facts import Facts, Rule


def _check(facts: Facts) -> str | None:
    fakes = sorted(a_labels(facts.dns_names) & facts.invalid_a_labels)
    return f"no valid A-label: {', '.join(fakes)}" if fakes else None


RULE = Rule(
    name="a-labels-valid",
    citation="RFC 5890 section 2.3.2.1; RFC 5280 section 7.2 with RFC 8399",
    effective=date(2010, 8, 1),
    waivable=False,
    fix="encode the name by IDNA 2008 (UTS 46, non-transitional)",
    check=_check,
)

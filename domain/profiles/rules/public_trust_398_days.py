"""A publicly trusted certificate issued before 2026-03-15 is good for at most 398 days."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Rule
from domain.profiles.public_trust import longer_than

RULE = Rule(
    name="public-trust-398-days",
    citation="CA/B TLS Baseline Requirements 1.7.1 section 6.3.2 (SC-031)",
    effective=date(2020, 9, 1),
    waivable=False,
    fix="ask for at most 397 days: any excess over whole days counts as another one",
    check=longer_than(days=398),
    until=date(2026, 3, 15),
    binds=Binds.ISSUED,
)

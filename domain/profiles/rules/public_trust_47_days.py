"""A publicly trusted certificate issued on or after 2029-03-15 is good for at most 47 days."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Rule
from domain.profiles.public_trust import longer_than

RULE = Rule(
    name="public-trust-47-days",
    citation="CA/B TLS Baseline Requirements 2.2.6 section 6.3.2 (SC-081v3)",
    effective=date(2029, 3, 15),
    waivable=False,
    fix="ask for at most 46 days: any excess over whole days counts as another one",
    check=longer_than(days=47),
    binds=Binds.ISSUED,
)

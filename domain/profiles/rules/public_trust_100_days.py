"""A publicly trusted certificate issued on or after 2027-03-15 is good for at most 100 days."""

from __future__ import annotations

from datetime import date

from domain.profiles.facts import Binds, Rule
from domain.profiles.public_trust import longer_than

RULE = Rule(
    name="public-trust-100-days",
    citation="CA/B TLS Baseline Requirements 2.2.6 section 6.3.2 (SC-081v3)",
    effective=date(2027, 3, 15),
    waivable=False,
    fix="ask for at most 99 days: any excess over whole days counts as another one",
    check=longer_than(days=100),
    until=date(2029, 3, 15),
    binds=Binds.ISSUED,
)

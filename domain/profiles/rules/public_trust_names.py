"""A publicly trusted certificate names nothing that only some private network knows."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address

from domain.profiles.facts import Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    if not facts.profile.public_trust:
        return None
    internal = [name for name in facts.dns_names if name in facts.internal_names]
    internal += [address for address in facts.ip_addresses if not ip_address(address).is_global]
    return f"internal names or reserved addresses: {', '.join(internal)}" if internal else None


RULE = Rule(
    name="public-trust-names",
    citation="CA/B TLS Baseline Requirements 2.2.6 sections 4.2.2 and 7.1.2.7.12 (internal names, reserved addresses)",
    effective=date(2015, 11, 1),
    waivable=False,
    fix="order internal names by a profile without public_trust, which an internal CA issues",
    check=_check,
    binds=Binds.ISSUED,
)

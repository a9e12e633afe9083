"""Every IP address lies in one of the profile's networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from domain.profiles.facts import ALWAYS, Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    networks = [ip_network(text) for text in facts.profile.allowed_addresses]
    addresses = [ip_address(text) for text in facts.ip_addresses]
    outside = [str(address) for address in addresses if not any(address in network for network in networks)]
    return f"outside profile {facts.profile.name}: {', '.join(outside)}" if outside else None


RULE = Rule(
    name="addresses-inside-profile",
    citation="CA/B TLS Baseline Requirements 3.2.2.5 (authority over each address)",
    effective=ALWAYS,
    waivable=False,
    fix="leave the addresses out, or have the profile changed",
    check=_check,
    binds=Binds.LIVING,
)

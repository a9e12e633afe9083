"""Nobody gets a certificate for the names by which this system itself is known."""

from __future__ import annotations

from domain.certificates.names import covers
from domain.profiles.facts import ALWAYS, Binds, Facts, Rule


def _check(facts: Facts) -> str | None:
    # A wildcard that would match a reserved name speaks for it, too; its star reads as a pattern's.
    names = (*facts.dns_names, *facts.ip_addresses)
    taken = [name for name in names if any(covers(name, reserved) for reserved in facts.reserved)]
    return f"reserved for this system: {', '.join(taken)}" if taken else None


RULE = Rule(
    name="names-not-reserved",
    citation="NIST SP 800-53 rev. 5, SC-23 session authenticity (no second holder of a listener's name)",
    effective=ALWAYS,
    waivable=False,
    fix="choose a name that is not one of this system's listeners or identity providers",
    check=_check,
    binds=Binds.LIVING,
)

"""What the CA/Browser Forum asks of certificates that the public relies on, as far as several rules share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from domain.profiles.facts import Facts

DAY: Final = 86_400
"""Seconds of a day; any excess, a leap second too, counts as another one (Baseline Requirements section 6.3.2)."""

CURVES: Final = frozenset({"EC-P256", "EC-P384", "EC-P521"})
"""The elliptic curves that may be certified (section 6.1.5); Ed25519 and ML-DSA may not."""

SMALLEST_RSA: Final = 2048
MODULUS_STEP: Final = 8
"""Bits of the smallest RSA modulus; its length is divisible by the step (section 6.1.5)."""

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "2.23.140.1.1": "extended validation",
        "2.23.140.1.2.1": "domain validated",
        "2.23.140.1.2.2": "organization validated",
        "2.23.140.1.2.3": "individual validated",
    }
)
"""Certificate policies (section 7.1.6.1) by which an issuer says that it follows these rules."""


def days_of(validity: int) -> int:
    """Return seconds of validity, both ends inclusive, as the days that they count for."""
    return -(-validity // DAY)


def longer_than(*, days: int) -> Callable[[Facts], str | None]:
    """Return the check of a maximum validity for publicly trusted certificates."""

    def check(facts: Facts) -> str | None:
        if not facts.profile.public_trust or days_of(facts.validity) <= days:
            return None
        return f"{days_of(facts.validity)} days; publicly trusted certificates issued on {facts.on} get at most {days}"

    return check


def certifiable(key_algorithm: str) -> bool:
    """Tell whether a key may stand in a publicly trusted certificate: RSA and three curves, nothing else."""
    kind, _, size = key_algorithm.partition("-")
    if kind == "RSA" and size.isdecimal():
        return int(size) >= SMALLEST_RSA and int(size) % MODULUS_STEP == 0
    return key_algorithm in CURVES

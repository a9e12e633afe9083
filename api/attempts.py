"""How often one client address may try what needs no right: signing in, enrolling. Nothing can be guessed; it costs us.

IPv6 clients count by their /64, which is one customer; who shares an address shares the count, so it is generous.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from domain.errors import TooMany

WINDOW = timedelta(minutes=1)
ADDRESSES = 10_000
"""Most addresses that are remembered; beyond that the one that came first is forgotten."""


class Attempts:
    """Counts tries by address; ``at_most`` in any minute, told as ``what`` under ``rule``."""

    def __init__(self, at_most: int, *, what: str, rule: str) -> None:
        self._at_most, self._what, self._rule = at_most, what, rule
        self._tries: dict[str, deque[datetime]] = {}

    def count(self, address: str, now: datetime) -> None:
        """Count a try; raises TooMany. A refused try does not count, and a clock that was set back forgives."""
        tries = self._tries.setdefault(_counted(address), deque(maxlen=self._at_most))
        if len(tries) == self._at_most and timedelta(0) <= now - tries[0] < WINDOW:
            raise TooMany(f"too many {self._what} from this address", rule=self._rule, fix="try again in a minute")
        tries.append(now)
        if len(self._tries) > ADDRESSES:
            del self._tries[next(iter(self._tries))]


def _counted(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address

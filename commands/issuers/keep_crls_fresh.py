"""Keep CRLs fresh: a new one when half of the present one's time is over, long before anybody could miss it."""

from __future__ import annotations

from functools import partial

from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.each import for_each
from commands.issuers.publish_crl import PublishCrl
from commands.ports.reading import DueCrl, Reading


async def keep_crls_fresh(bus: Bus, reading: Reading) -> int:
    """Publish the CRLs that are due; doing it twice, or in two processes, publishes once. Returns how many were due.

    An issuer that cannot sign now holds no other's CRL up.
    """
    due = reading.crls_due(bus.services.clock())
    await for_each(due, partial(_publish, bus))
    return len(due)


async def _publish(bus: Bus, due: DueCrl) -> None:
    key = f"crl:{due.issuer_id}:{due.number}"
    context = Context(SYSTEM, key, purpose="crl-refresh", idempotency_key=key)
    await bus.execute(PublishCrl(issuer_id=due.issuer_id), context)

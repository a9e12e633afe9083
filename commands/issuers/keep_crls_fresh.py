"""Keep CRLs fresh: a new one when half of the present one's time is over, long before anybody could miss it."""

from __future__ import annotations

from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.issuers.publish_crl import PublishCrl
from commands.ports.reading import Reading


async def keep_crls_fresh(bus: Bus, reading: Reading) -> int:
    """Publish the CRLs that are due; doing it twice, or in two processes, publishes once. Returns how many."""
    due = reading.crls_due(bus.services.clock())
    for crl in due:
        key = f"crl:{crl.issuer_id}:{crl.number}"
        context = Context(SYSTEM, key, purpose="crl-refresh", idempotency_key=key)
        await bus.execute(PublishCrl(issuer_id=crl.issuer_id), context)
    return len(due)

"""The clock is watched: a doubt is recorded when it begins and when it ends, and told loudly while it lasts."""

from __future__ import annotations

import logging

from commands.continuity.clock import watch_clock
from infra.bootstrap import Backend

LOG = logging.getLogger(__name__)


async def keep_time(backend: Backend) -> None:
    """Hear what was said of the time in other processes, look at the clocks, record what is new."""
    backend.clock.catch_up(backend.ledger)
    await watch_clock(backend.bus)
    times = backend.clock.times()
    if times.doubt is not None:
        LOG.error("the clock is in doubt (%s): wall %s, trusted %s", times.doubt, times.wall, times.trusted)

"""Certificates are renewed in time: a little at a time, however many are due at once."""

from __future__ import annotations

import asyncio

from commands.certificates.keep_renewed import keep_renewed
from infra.bootstrap import Backend

REST = 3.0
"""Seconds of rest for each second of work: people and agents come first, also when thousands are due."""


async def renewals(backend: Backend) -> None:
    """Advance some of the renewals that are due; what they record starts the next round at once."""
    await keep_renewed(backend.bus, backend.services.reading, rest)


async def rest(worked: float) -> None:
    """Rest after a piece of work."""
    await asyncio.sleep(worked * REST)

"""Issuances that a crash left open are ended: failed, outcome unknown, serial revoked."""

from __future__ import annotations

import asyncio
import logging

from commands.certificates.recover import recover_issuances
from infra.bootstrap import Backend

LOG = logging.getLogger(__name__)
OPEN_AT_MOST_SECONDS = 60.0


class OpenIssuances:
    """Ends what was announced more than a minute ago and is still open: no signature takes that long."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._seen, self._seen_at = 0, -OPEN_AT_MOST_SECONDS

    async def react(self) -> None:
        """End what was there a minute ago, then look at what is there now."""
        now = asyncio.get_running_loop().time()
        if now - self._seen_at < OPEN_AT_MOST_SECONDS:
            return
        await recover_issuances(self._backend.bus, self._backend.services.reading, head=self._seen)
        self._seen, self._seen_at = self._backend.ledger.head().position, now


async def recover(backend: Backend) -> int:
    """End the issuances that a crash left open; run at start, by a process that is alone with its files.

    Where others may be at work, :class:`OpenIssuances` ends what stays open for too long.
    """
    ended = await recover_issuances(backend.bus, backend.services.reading, head=backend.services.ledger.head().position)
    if ended:
        LOG.warning("%d issuances were left open by a crash: recorded as failed, their serials revoked", ended)
    return ended

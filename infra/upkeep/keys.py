"""Keys of the key store: made where an approved order waits for one, given up when they are needed no more, swept."""

from __future__ import annotations

import asyncio
import logging

from commands.keys.copies import Sweep, end_copies
from commands.keys.make import make_server_keys
from infra.bootstrap import Backend

LOG = logging.getLogger(__name__)


class HeldKeys:
    """Two reactions on keys that are held for others; each is harmless when done twice."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._sweep = Sweep(backend.bus, backend.services.reading, backend.keystore)

    async def make(self) -> None:
        """Make and certify what is wanted."""
        await self._backend.caught_up()
        await make_server_keys(self._backend.bus, self._backend.services.reading, self._backend.custody())

    async def end(self) -> None:
        """Record the end of copies, then shred them, and what a crash left without a name."""
        await self._backend.caught_up()
        await end_copies(self._backend.bus, self._backend.services.reading)
        shredded = await self._sweep.round(asyncio.get_running_loop().time())
        if shredded:
            LOG.info("%d keys were shredded: needed no more, or left by a crash", shredded)

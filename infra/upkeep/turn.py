"""Whose turn it is to do what any process may do: a lease, which is a hint. Two at a time would do no harm.

What is done carries keys that derive from what was seen, so that a second time changes nothing. The holder renews its
lease in good time; one that died is followed when the lease runs out, one that leaves gives it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Protocol

from domain.errors import ClmError

LOG = logging.getLogger(__name__)
NAME = "upkeep"
LASTS_SECONDS = 20.0
RENEWED_EVERY_SECONDS = 5.0


class Leases(Protocol):
    """Where turns are taken."""

    def lease(self, task_id: str, holder: str, seconds: float) -> bool:
        """Take or renew; False while somebody else holds it. Raises Unavailable."""

    def release(self, task_id: str, holder: str) -> None:
        """Give back."""


class Turn:
    """One process's turn; ``holder`` is its name among all processes of this backend."""

    def __init__(self, leases: Leases, holder: str) -> None:
        self._leases, self._holder = leases, holder
        self._until = float("-inf")

    def mine(self) -> bool:
        """Tell whether it is this process's turn now."""
        return time.monotonic() < self._until

    async def keep(self, stop: asyncio.Event, begins: Callable[[], object] = lambda: None) -> None:
        """Take the turn whenever it is free, call ``begins`` then, and give it back at the end."""
        while not stop.is_set():
            before = self.mine()
            self.look()
            if self.mine() and not before:
                LOG.info("this process does the upkeep now")
                begins()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RENEWED_EVERY_SECONDS)

    def give_back(self) -> None:
        """Let another process go on at once."""
        if self.mine():
            self._until = float("-inf")
            with contextlib.suppress(ClmError):
                self._leases.release(NAME, self._holder)

    def look(self) -> None:
        """Take the turn where it is free, or renew it."""
        asked = time.monotonic()
        try:
            taken = self._leases.lease(NAME, self._holder, LASTS_SECONDS)
        except ClmError as problem:
            LOG.warning("the lease of the upkeep cannot be renewed now: %s", problem.message)
            return
        self._until = asked + LASTS_SECONDS if taken else float("-inf")

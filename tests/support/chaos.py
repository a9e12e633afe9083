"""What happens to a replica set and to backend processes while clients go on: faults one after the other."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.support.crew_backend import CrewBackend
from tests.support.crew_load import Load
from tests.support.mongod import Node, ReplicaSet

PATIENCE = 120.0
"""Most seconds in which clients must get on after a fault."""


@dataclass
class Faults:
    """Every fault waits until clients get on in spite of it: that is what it has to show."""

    nodes: ReplicaSet
    backend: CrewBackend
    load: Load
    chance: random.Random
    away: float = 10.0
    """Seconds for which a node or a process is paused."""

    async def primary_killed(self) -> None:
        """Kill the primary with -9; when another one serves, start it again."""
        node = await asyncio.to_thread(self.nodes.primary)
        node.kill()
        await self.get_on()
        node.start()

    async def primary_cut_off(self) -> None:
        """Pause the primary: its peers see it gone, its connections stay open and silent, and it comes back stale."""
        await self._pause_node(await asyncio.to_thread(self.nodes.primary))

    async def secondary_cut_off(self) -> None:
        """Pause another node."""
        primary = await asyncio.to_thread(self.nodes.primary)
        await self._pause_node(next(node for node in self.nodes.nodes if node is not primary))

    async def worker_killed(self) -> None:
        """Kill a backend process with -9; the parent follows it by another."""
        self.backend.kill_one(self.chance)
        await self.get_on()

    async def worker_paused(self) -> None:
        """Pause a backend process, as a virtual machine that is moved is; it comes back with an old view."""
        chosen = self.chance.choice(self.backend.workers())
        os.kill(chosen, signal.SIGSTOP)
        try:
            await self._away()
        finally:
            os.kill(chosen, signal.SIGCONT)
        await self.get_on()

    async def workers_renewed(self) -> None:
        """Follow every backend process by a fresh one."""
        await asyncio.to_thread(self.backend.renew)
        await self.get_on()

    async def get_on(self, more: int = 30) -> None:
        """Wait until so many more commands are acknowledged."""
        stream, ends = self.load.stream, time.monotonic() + PATIENCE
        enough = stream.answered() + more
        while stream.answered() < enough:
            assert time.monotonic() < ends, f"{stream.answered()} of {enough} commands within {PATIENCE} s"
            await asyncio.sleep(0.05)  # the answers come from other tasks of this loop

    async def _pause_node(self, node: Node) -> None:
        node.signal(signal.SIGSTOP)
        try:
            await self._away()
            await self.get_on()
        finally:
            node.signal(signal.SIGCONT)
        await self.get_on()

    async def _away(self) -> None:
        await asyncio.sleep(self.away)  # being away for so long is the fault itself


async def under_load(load: Load, clients: int, faults: Callable[[], Awaitable[None]]) -> None:
    """Let clients order, each repeating what was not acknowledged, while ``faults`` happen; all end what they began."""
    working = asyncio.create_task(load.run(clients, keep_alive=True, retry=True))
    happening = asyncio.ensure_future(faults())
    await asyncio.wait([working, happening], return_when=asyncio.FIRST_COMPLETED)
    load.enough.set()
    await happening
    async with asyncio.timeout(PATIENCE):
        await working

"""The parent of several workers: it holds the sockets, and sees to it that so many workers serve them.

::

    parent ── binds once ──▶ sockets ──inherited──▶ worker 1, 2, … N        every one a whole backend process
      │  SIGTERM, SIGINT: all leave        a worker died: another one, after a pause
      └─ SIGHUP: one after the other is followed by a fresh one, which is ready before the old one leaves

The sockets stay open whatever happens to workers: a connection that nobody has accepted yet waits for the next one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.errors import ClmError, Unavailable
from infra.server.channel import Message
from infra.server.post import PARTING
from infra.server.worker_process import Launch, WorkerProcess

LOG = logging.getLogger(__name__)
GOOD_AFTER = 10.0
"""A worker that has served for so many seconds does not count as one that dies at its start."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before a worker that died is followed by another, by how many died before it in a row."""
TRIES = 4
"""So many in a row that die at their start end the parent, where no other worker serves."""


@dataclass
class Crew:
    """Keeps ``size`` workers. ``hears`` gets what workers say beside what the parent itself needs."""

    launch: Launch
    size: int
    hears: Callable[[WorkerProcess, Message], None] = lambda _worker, _message: None
    ends: Callable[[WorkerProcess], None] = lambda _worker: None
    workers: dict[int, WorkerProcess] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _rolling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, stop: asyncio.Event, ready: Callable[[], object]) -> None:
        """Serve until ``stop``; ``ready`` is called when all serve. Raises Unavailable where workers cannot serve.

        The first worker starts alone: what has to be made once, it makes.
        """
        try:
            keepers = [asyncio.create_task(self._begin_and_keep(ready))]
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait([stopped, *keepers], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if keepers[0].done():
                await keepers[0]
        finally:
            self._stopping.set()
            await self._all_leave()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
            async with self._rolling:  # a fresh worker of a rolling restart, or one begun meanwhile
                await self._all_leave()

    def say(self, message: Message) -> None:
        """Tell every worker something."""
        for worker in self.workers.values():
            worker.say(message)

    def hasten(self) -> None:
        """Let everybody end without finishing."""
        for worker in self.workers.values():
            worker.hasten()

    async def roll(self) -> None:
        """Follow every worker by a fresh one, one after the other. A fresh one that fails calls it off."""
        async with self._rolling:
            for number in sorted(self.workers):
                if self._stopping.is_set() or not await self._follow(number):
                    return
            LOG.info("all workers have been followed by fresh ones")

    async def _follow(self, number: int) -> bool:
        fresh = await self._start(number)
        if not await fresh.settled():
            LOG.error("the rolling restart is called off: the fresh worker %d ended before it was ready", number)
            return False
        if self._stopping.is_set():
            await fresh.leave(0.0)
            return False
        old, self.workers[number] = self.workers[number], fresh
        await old.leave(PARTING)
        self.ends(old)
        return True

    async def _begin_and_keep(self, ready: Callable[[], object]) -> None:
        self.workers[1] = await self._start(1)
        if not await self.workers[1].settled():
            raise self._refusal(self.workers[1])
        for number in range(2, self.size + 1):
            self.workers[number] = await self._start(number)
        keepers = [asyncio.create_task(self._keep(number)) for number in self.workers]
        try:
            await asyncio.gather(*(worker.settled() for worker in list(self.workers.values())))
            ready()
            await asyncio.gather(*keepers)
        finally:
            for keeper in keepers:
                keeper.cancel()

    async def _start(self, number: int) -> WorkerProcess:
        worker = await WorkerProcess.begin(number, self.launch, self.hears)
        LOG.info("worker %d begins as process %d", number, worker.pid)
        return worker

    async def _keep(self, number: int) -> None:
        """Follow a worker that died by another, ever later while they die at their start."""
        died = 0
        while not self._stopping.is_set():
            worker = self.workers[number]
            status = await asyncio.shield(worker.ended)
            if self.workers[number] is not worker or self._stopping.is_set():
                continue  # it left, and another one is here
            self.ends(worker)
            lived = asyncio.get_running_loop().time() - worker.began
            died = 0 if worker.ready.is_set() and lived > GOOD_AFTER else died + 1
            LOG.error("worker %d ended (%s)", number, _told(status))
            if died >= TRIES and not any(each.serves for each in self.workers.values()):
                raise self._refusal(worker)
            await asyncio.sleep(PAUSES[min(died, len(PAUSES) - 1)])
            if self.workers[number] is worker:
                self.workers[number] = await self._start(number)

    def _refusal(self, worker: WorkerProcess) -> ClmError:
        status = _told(worker.ended.result())
        return worker.refusal or Unavailable(
            f"workers end before they serve; the last one ended with {status}",
            rule="workers-fail",
            fix="read what it wrote above; serve with --workers 1 shows the same in one process",
        )

    async def _all_leave(self) -> None:
        living = [worker for worker in self.workers.values() if not worker.ended.done()]
        await asyncio.gather(*(worker.leave(0.0) for worker in living))


def _told(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"

"""One worker as its parent sees it: a process, a channel, and how far it has come."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.errors import Unavailable
from infra.server.channel import Channel, Message

LOG = logging.getLogger(__name__)
LEAVES_WITHIN = 40.0
"""So many seconds a worker that was told to leave may take; its own drain is shorter."""

Hears = Callable[["WorkerProcess", Message], None]


@dataclass(frozen=True, slots=True)
class Launch:
    """How a worker is begun: a command that gets the number of its channel's descriptor as its last word.

    ``sockets``: the listening sockets, by their listeners' names, which every worker inherits; ``hello``: what else
    each is told, as JSON.
    """

    command: Sequence[str]
    sockets: Mapping[str, socket.socket]
    hello: Mapping[str, Any] = field(default_factory=dict)


class WorkerProcess:
    """A worker of a number. ``ready`` and ``ended`` are futures of its life; ``refusal``: what it said it cannot do."""

    def __init__(self, number: int, process: Process, channel: Channel, hears: Hears) -> None:
        self.number = number
        self.began = asyncio.get_running_loop().time()
        self.ready = asyncio.Event()
        self.refusal: Unavailable | None = None
        self.leaving = False
        self._process, self._channel, self._hears = process, channel, hears
        self.ended = asyncio.create_task(self._live())

    @classmethod
    async def begin(cls, number: int, launch: Launch, hears: Hears) -> WorkerProcess:
        """Start a worker with an interpreter, channel and session of its own: a terminal's Ctrl-C is the parent's."""
        ours, theirs = socket.socketpair()
        with theirs:
            descriptors = {name: opened.fileno() for name, opened in launch.sockets.items()}
            passed = (theirs.fileno(), *descriptors.values())
            process = await asyncio.create_subprocess_exec(
                *launch.command,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=passed,
                start_new_session=True,
            )
        channel = await Channel.over(ours)
        channel.say({"number": number, "sockets": descriptors, **launch.hello})
        return cls(number, process, channel, hears)

    @property
    def serves(self) -> bool:
        """Tell whether it takes connections."""
        return self.ready.is_set() and not self.ended.done() and not self.leaving

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def settled(self) -> bool:
        """Return True once it is ready, False where it ended before."""
        ready = asyncio.create_task(self.ready.wait())
        await asyncio.wait([ready, self.ended], return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        return self.ready.is_set() and not self.ended.done()

    def say(self, message: Mapping[str, Any]) -> None:
        """Tell it something."""
        self._channel.say(message)

    async def leave(self, parting: float) -> None:
        """Let it finish its answers and end, and see to it; idle connections are kept for ``parting`` seconds."""
        self.leaving = True
        self.say({"leave": parting})
        await asyncio.wait([self.ended], timeout=LEAVES_WITHIN)
        if not self.ended.done():
            LOG.error("worker %d did not leave within %.0f s: it is killed", self.number, LEAVES_WITHIN)
            self.kill()
        await self.ended

    def hasten(self) -> None:
        """Let it end without finishing its answers."""
        self.say({"hasten": True})

    def kill(self) -> None:
        """End it by the system."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _live(self) -> int:
        """Hear it until it ends; returns its exit status, negative for a signal."""
        hearing = asyncio.create_task(self._hear())
        status = await self._process.wait()
        await asyncio.wait([hearing], timeout=1.0)  # its last words; nobody else holds its end
        hearing.cancel()
        self._channel.close()
        return status

    async def _hear(self) -> None:
        async for message in self._channel.heard():
            if message.get("ready"):
                self.ready.set()
            elif told := message.get("refused"):
                self.refusal = Unavailable(told["message"], rule=told["rule"], fix=told["fix"])
            else:
                self._hears(self, message)

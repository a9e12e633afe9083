"""A process of its own for the tests of signals: one long-poll, announced on stdout."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from infra.logs import configure
from infra.server.loop import new_event_loop
from infra.server.supervisor import Listener, Supervisor

say = partial(print, flush=True)


async def poll(scope, receive, send):
    """Answer when the process drains."""
    await receive()
    say("polling")
    await scope["state"]["draining"].wait()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
    await send({"type": "http.response.body", "body": b"drained"})


async def main():
    """Serve until a signal comes."""
    listener = Listener("pki", poll, "127.0.0.1", 0)

    def ready():
        assert listener.address is not None
        say(listener.address[1])

    await Supervisor([listener], drain_seconds=5).run(asyncio.Event(), ready)


if __name__ == "__main__":
    configure("info")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())

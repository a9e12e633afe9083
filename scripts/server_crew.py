"""Several workers: the parent that holds their sockets, and the worker's own beginning."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

from api.main import bind_all, serve
from domain.errors import ClmError
from infra.clock import utc_now
from infra.development import development
from infra.identity.settings import ProviderSettings
from infra.logs import configure
from infra.server.crew import Crew
from infra.server.loop import calm_collector, new_event_loop
from infra.server.post import Post
from infra.server.supervisor import Supervisor
from infra.server.worker_process import Launch
from infra.settings import Settings

LOG = logging.getLogger(__name__)
COMMAND = (sys.executable, "-P", "-m", "scripts.server_crew")
EXIT_REFUSED = 1


async def serve_many(settings: Settings, ready: Callable[[], None]) -> None:
    """Run the parent of ``settings.workers`` processes until SIGTERM or SIGINT; SIGHUP renews them one by one."""
    with contextlib.ExitStack() as opened:
        sockets = bind_all(settings)
        for one in sockets.values():
            opened.enter_context(one)
        async with _development(settings) as provider:
            hello = {"provider": _told(provider)} if provider else {}
            crew = Crew(Launch(COMMAND, sockets, hello), settings.workers)
            stop = asyncio.Event()
            with _signals(crew, stop):
                await crew.run(stop, ready)


@contextlib.asynccontextmanager
async def _development(settings: Settings) -> AsyncIterator[ProviderSettings | None]:
    """Run the development identity provider, whose memory all workers share; nothing of the kind in earnest."""
    if not settings.development:
        yield None
        return
    provider, listener = development(settings, utc_now)
    stop, bound = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(Supervisor([listener], signals=False).run(stop, bound.set))
    try:
        waiting = asyncio.create_task(bound.wait())
        await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if running.done():
            await running
        yield provider
    finally:
        stop.set()
        await running


def _told(provider: ProviderSettings) -> dict[str, Any]:
    secret = provider.client_secret.get_secret_value()
    return provider.model_dump(mode="json") | {"client_secret": secret}


@contextlib.contextmanager
def _signals(crew: Crew, stop: asyncio.Event) -> Any:
    """Let SIGTERM and SIGINT end the crew, a second one at once, and SIGHUP renew it."""
    loop = asyncio.get_running_loop()
    rolls: set[asyncio.Task[None]] = set()

    def ends() -> None:
        if stop.is_set():
            crew.hasten()
        stop.set()

    def renews() -> None:
        task = asyncio.create_task(crew.roll())
        rolls.add(task)
        task.add_done_callback(rolls.discard)

    acts = {signal.SIGTERM: ends, signal.SIGINT: ends, signal.SIGHUP: renews}
    for number, act in acts.items():
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in acts:
            loop.remove_signal_handler(number)


async def work(end: socket.socket) -> int:
    """Be a worker: serve what the parent gives, until it says so or is gone; returns the exit status."""
    post = await Post.given(end)
    if post is None:
        return 0
    listening = asyncio.create_task(post.listen())
    try:
        settings = Settings.from_environment()
        configure(settings.log_level, worker=post.number)
        await serve(settings, ready=lambda: _ready(post), post=post)
    except ClmError as error:
        LOG.error("this worker cannot serve: %s", error.message)  # noqa: TRY400 - a refusal, told without a stack
        await post.refuse(error)
        return EXIT_REFUSED
    finally:
        listening.cancel()
    return 0


def _ready(post: Post) -> None:
    calm_collector()
    post.say({"ready": True})


def main() -> None:
    """Begin a worker whose channel to its parent is the descriptor that the last word names."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        sys.exit(runner.run(work(socket.socket(fileno=int(sys.argv[1])))))


if __name__ == "__main__":
    main()

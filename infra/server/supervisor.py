"""All listeners of the process in one event loop, and the one owner of its signals.

uvicorn's servers each want SIGTERM and SIGINT, and several of them in one process take them from each other; here
they get none. Stopping is: take no new connections, mark the old ones ``Connection: close``, tell long-polls to
answer, wait, and cancel what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvicorn

from infra.server.binding import BACKLOG, open_listening
from infra.server.limits import Limits, LoadBalancer
from infra.server.protocol import Protocol, Rules
from infra.server.tls import ReloadableContext

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGINT)
ARRIVES_WITHIN = 3.0
"""So many seconds a handshake that has begun may take while its process leaves."""


@dataclass
class Listener:
    """One socket and the ASGI application behind it; ``tls`` None is plain HTTP, for CRL, AIA and OCSP.

    ``port`` 0 takes a free port; ``address`` is where it really listens once the supervisor has bound it. ``opened``: a
    socket that listens already, shared with other processes.
    Lifespan events are not sent: what an application needs is started by whoever composes it.
    """

    name: str
    app: Any
    host: str
    port: int
    tls: ReloadableContext | None = None
    limits: Limits = field(default_factory=Limits)
    balancers: tuple[LoadBalancer, ...] = ()
    address: tuple[str, int] | None = None
    opened: socket.socket | None = None

    def bind(self) -> socket.socket:
        """Return the listening socket; raises Unavailable with the sentence that an operator needs."""
        opened = self.opened or open_listening(self.name, self.host, self.port)
        host, port = opened.getsockname()[:2]
        self.address = (host, port)
        return opened


class _Server(uvicorn.Server):
    """One listener's uvicorn server: no signals, a TLS handshake time-out, connections of our own kind."""

    def __init__(self, config: uvicorn.Config, listener: Listener, rules: Rules) -> None:
        super().__init__(config)
        self._listener = listener
        self._rules = rules
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none: the supervisor owns them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on the sockets that the supervisor has bound."""
        tls = self._listener.tls
        state = {"draining": self._rules.draining, "listener": self._listener.name}
        factory = partial(Protocol, self.config, self.server_state, state, rules=self._rules)
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                factory,
                sock=opened,
                backlog=BACKLOG,
                ssl=tls.outer if tls else None,
                ssl_handshake_timeout=self._listener.limits.handshake if tls else None,
                ssl_shutdown_timeout=self._listener.limits.linger if tls else None,
            )
            for opened in sockets or []
        ]
        self.started = True
        self.listening.set()

    def announce_close(self, parting: float) -> None:
        """Take no more connections, and let every open one end with its current answer, or after ``parting``."""
        self._rules.parting = parting
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()

    async def arrived(self) -> None:
        """Return when the connections that were accepted a moment ago are through their handshakes, or too late."""
        loop = asyncio.get_running_loop()

        while any(loop.time() - since < ARRIVES_WITHIN for since in list(self._rules.arriving.values())):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


class Supervisor:
    """Runs listeners until told to stop. Applications find ``draining`` in ``scope["state"]["draining"]``.

    ``drain_seconds`` bounds the stop: what has not been answered by then is cancelled. ``parting``, asked when it
    stops: for how many seconds idle connections are kept. ``signals`` False: somebody else owns them.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        drain_seconds: int = 25,
        *,
        parting: Callable[[], float] = lambda: 0.0,
        signals: bool = True,
    ) -> None:
        self.listeners = list(listeners)
        self.draining = asyncio.Event()
        self._parting = parting
        self._drain_seconds = drain_seconds
        self._signals = signals
        self._servers: list[_Server] = []

    async def run(self, stop: asyncio.Event, ready: Callable[[], object] | None = None) -> None:
        """Bind everything, call ``ready``, serve until ``stop`` is set or a signal comes, then drain.

        Raises Unavailable, with nothing left open, where an address cannot be bound.
        """
        sockets = self._bind()
        servers = self._servers = [self._server(listener) for listener in self.listeners]
        running = [
            asyncio.create_task(server.serve(sockets=[opened])) for server, opened in zip(servers, sockets, strict=True)
        ]
        try:
            with _signals_set(stop, again=self.force) if self._signals else contextlib.nullcontext():
                await self._until_stopped(servers, running, stop, ready)
                await self._drain(servers)
                await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            for opened in sockets:
                opened.close()

    def _bind(self) -> list[socket.socket]:
        with contextlib.ExitStack() as opened:
            sockets = [opened.enter_context(contextlib.closing(listener.bind())) for listener in self.listeners]
            opened.pop_all()
        return sockets

    def _server(self, listener: Listener) -> _Server:
        config = uvicorn.Config(
            listener.app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # X-Forwarded-* is never believed
            forwarded_allow_ips=[],
            server_header=False,
            workers=1,
            interface="asgi3",
            timeout_keep_alive=listener.limits.keep_alive,
            timeout_graceful_shutdown=self._drain_seconds,
        )
        return _Server(config, listener, Rules(listener.limits, listener.balancers, self.draining))

    async def _until_stopped(
        self,
        servers: list[_Server],
        running: list[asyncio.Task[None]],
        stop: asyncio.Event,
        ready: Callable[[], object] | None,
    ) -> None:
        listening = asyncio.gather(*(server.listening.wait() for server in servers))
        waiting: list[asyncio.Future[Any]] = [listening, *running]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for listener in self.listeners:
            logger.info("%s listens on %s", listener.name, listener.address)
        if ready is not None:
            ready()
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([stopped, *running], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    async def _drain(self, servers: list[_Server]) -> None:
        logger.info("draining: no new connections, answers carry Connection: close")
        # First every connection is marked, then long-polls are woken: so their answers say that the connection ends.
        parting = self._parting()
        for server in servers:
            server.announce_close(parting)
        self.draining.set()
        if parting:
            await asyncio.gather(*(server.arrived() for server in servers))
        for server in servers:
            server.should_exit = True

    def force(self) -> None:
        """Stop at once; answers that are under way are not waited for."""
        logger.warning("stopping at once: a second signal came while draining")
        for server in self._servers:
            server.force_exit = True


@contextlib.contextmanager
def _signals_set(stop: asyncio.Event, again: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and SIGINT set ``stop``, and a second one call ``again``. Only the main thread may have signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()

    def on_signal(*_: object) -> None:
        loop.call_soon_threadsafe(again if stop.is_set() else stop.set)

    before = {each: signal.signal(each, on_signal) for each in SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

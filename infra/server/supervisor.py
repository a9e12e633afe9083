"""All listeners of the process in one event loop, and the one owner of its signals.

uvicorn's servers each want SIGTERM and SIGINT, and several of them in one process take them from each other; here
they get none. Stopping is: take no new connections, mark the old ones ``Connection: close``, tell long-polls to
answer, wait, and cancel what is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import uvicorn

from domain.errors import Unavailable
from infra.server.limits import Limits, LoadBalancer
from infra.server.protocol import Protocol, Rules
from infra.server.tls import ReloadableContext

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGINT)
BACKLOG = 2048


@dataclass
class Listener:
    """One socket and the ASGI application behind it; ``tls`` None is plain HTTP, for CRL, AIA and OCSP.

    ``port`` 0 takes a free port; ``address`` is where it really listens once the supervisor has bound it.
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

    def bind(self) -> socket.socket:
        """Open the listening socket; raises Unavailable with the sentence that an operator needs."""
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            both = self.host == "::" and socket.has_dualstack_ipv6()
            where = (self.host, self.port)
            opened = socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError as error:
            raise self._cannot_listen(error) from error
        opened.setblocking(False)
        host, port = opened.getsockname()[:2]
        self.address = (host, port)
        return opened

    def _cannot_listen(self, error: OSError) -> Unavailable:
        where = f"{self.host}:{self.port}"
        why, fix = str(error), "check the listen address"
        if error.errno == errno.EADDRINUSE:
            why = "the port is taken by another process"
            fix = f"stop that process (ss -ltnp 'sport = :{self.port}' names it) or choose another port"
        elif error.errno == errno.EACCES:
            why = "this account may not open the port"
            fix = "choose a port above 1023, or grant CAP_NET_BIND_SERVICE"
        elif error.errno == errno.EADDRNOTAVAIL:
            why, fix = "this machine does not have the address", "choose an address of this machine"
        return Unavailable(f"{self.name} cannot listen on {where}: {why}", rule="cannot-listen", fix=fix)


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

    def announce_close(self) -> None:
        """Take no more connections, and let every open one end with its current answer."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()


class Supervisor:
    """Runs listeners until told to stop. Applications find ``draining`` in ``scope["state"]["draining"]``.

    ``drain_seconds`` bounds the stop: what has not been answered by then is cancelled.
    """

    def __init__(self, listeners: Sequence[Listener], drain_seconds: int = 25) -> None:
        self.listeners = list(listeners)
        self.draining = asyncio.Event()
        self._drain_seconds = drain_seconds

    async def run(self, stop: asyncio.Event, ready: Callable[[], object] | None = None) -> None:
        """Bind everything, call ``ready``, serve until ``stop`` is set or a signal comes, then drain.

        Raises Unavailable, with nothing left open, where an address cannot be bound.
        """
        sockets = self._bind()
        servers = [self._server(listener) for listener in self.listeners]
        running = [
            asyncio.create_task(server.serve(sockets=[opened])) for server, opened in zip(servers, sockets, strict=True)
        ]
        try:
            with _signals_set(stop, again=partial(_force, servers)):
                await self._until_stopped(servers, running, stop, ready)
                self._drain(servers)
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

    def _drain(self, servers: list[_Server]) -> None:
        logger.info("draining: no new connections, answers carry Connection: close")
        # First every connection is marked, then long-polls are woken: so their answers say that the connection ends.
        for server in servers:
            server.announce_close()
            server.should_exit = True
        self.draining.set()


def _force(servers: list[_Server]) -> None:
    logger.warning("stopping at once: a second signal came while draining")
    for server in servers:
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

"""HTTP/1.1 over a connection that the server itself vouches for: peer, limits and time-outs.

uvicorn has no time-out for a request's head or body, no size limits, and hands no client certificate to
applications. This subclass adds them; everything else is uvicorn's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, cast
from weakref import WeakKeyDictionary

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from infra.logs import begin_request
from infra.server import problems
from infra.server.limits import Limits, LoadBalancer
from infra.server.peer import CLIENT_CERT_HEADERS, TlsPeer, balancer_of, forwarded_peer, tls_peer, without_client_cert

logger = logging.getLogger(__name__)


def _extensions(peer: TlsPeer) -> dict[str, dict[object, object]]:
    return {"tls": cast("dict[object, object]", peer.copy())}  # a copy: applications may write into their scope


@dataclass(slots=True)
class Rules:
    """What a listener's connections share; ``draining`` is set while the process stops.

    ``parting``: how many seconds an idle connection is kept then. ``arriving``: who is in the TLS handshake, since when
    on the loop's clock; a handshake that fails is forgotten with its connection.
    """

    limits: Limits = field(default_factory=Limits)
    balancers: tuple[LoadBalancer, ...] = ()
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    parting: float = 0.0
    arriving: WeakKeyDictionary[Protocol, float] = field(default_factory=WeakKeyDictionary)


class Protocol(HttpToolsProtocol):
    """One connection. Its scopes carry ``extensions["tls"]`` (:class:`infra.server.peer.TlsPeer`).

    A refused connection (``_refused``) has got its one answer: what still arrives is thrown away unread.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        rules: Rules,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.app = partial(self._application, self.app)
        self._rules = rules
        self._limits = rules.limits
        self._peer: TlsPeer | None = None
        self._behind_balancer = False
        self._refused = False
        self._awaiting: Literal["", "head", "body"] = ""
        self._head_bytes = 0
        self._body_bytes = 0
        self._max_body = rules.limits.max_body
        self._timer: asyncio.TimerHandle | None = None
        self._parting = False
        rules.arriving[self] = self.loop.time()

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's own
        """Learn who the peer is; the handshake is over."""
        super().connection_made(transport)
        self._rules.arriving.pop(self, None)
        self._peer = tls_peer(transport)
        self._behind_balancer = balancer_of(self._peer, self.client, self._rules.balancers) is not None
        self._expect("head", self._limits.head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer; uvicorn tells the application."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what arrives, counting a head that does not end."""
        if self._refused:
            return
        if self._parting:  # just in time: what comes now is the last request, with a request's own time
            self._parting = False
            self._expect_nothing()
        if self._awaiting != "body":
            self._head_bytes += len(data)
        super().data_received(data)
        if self._awaiting == "head" and self._head_bytes > self._limits.max_head:
            self._refuse(problems.head_too_large(self._limits.max_head))
        if self._timer is None and not self._refused:
            self._watch()

    def shutdown(self) -> None:
        """End after the request that is here or arriving; an idle connection at once, or after the parting time.

        uvicorn says it twice while it stops.
        """
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
        elif not self._awaiting and not self._parting and not self._refused:
            self._unset_keepalive_if_required()
            self._parting = True
            self._expect("", self._rules.parting)

    def _watch(self) -> None:
        """Start the clock for what is incomplete; a request that came in one piece never needs one."""
        if self._awaiting == "body":
            self._expect("body", self._limits.body)
        elif self._awaiting == "head" or self.cycle is None or self.cycle.response_complete:
            self._expect("head", self._limits.head)  # on an idle connection even blank lines start it

    # The request

    def on_message_begin(self) -> None:
        """Start a scope that says what the server knows of the peer."""
        super().on_message_begin()
        self._awaiting = "head"
        self._body_bytes = 0
        if self._peer is not None:
            self.scope["extensions"] = _extensions(self._peer)

    def on_headers_complete(self) -> None:
        """Check the head as a whole, then let uvicorn start the application."""
        if self._refused:
            return
        self._awaiting = "body"
        self._head_bytes = 0
        self._expect_nothing()
        if not self._accept_head():
            return
        super().on_headers_complete()
        if self._rules.draining.is_set():
            self.cycle.keep_alive = False

    def _accept_head(self) -> bool:
        size, length, forwarded = len(self.url), 0, False
        for name, value in self.headers:
            size += len(name) + len(value)
            if name == b"content-length":
                length = int(value)  # the parser has refused anything but digits, and a second one
            elif name in CLIENT_CERT_HEADERS:
                forwarded = True
        if not self._names_one_host():
            return self._refuse(problems.malformed())
        if size > self._limits.max_head:
            return self._refuse(problems.head_too_large(self._limits.max_head))
        self._max_body = self._limits.body_at(self.url)
        if length > self._max_body:
            return self._refuse(problems.body_too_large(self._max_body))
        if self._behind_balancer and self._peer is not None:
            try:
                self.scope["extensions"] = _extensions(forwarded_peer(self._peer, self.headers))
            except ValueError:
                return self._refuse(problems.bad_client_cert())
        if forwarded:
            self.headers[:] = without_client_cert(self.headers)
        return True

    def _names_one_host(self) -> bool:
        """Tell whether there is one Host header, which HTTP/1.0 may leave out (RFC 9112 section 3.2)."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        return hosts == 1 or (hosts == 0 and self.parser.get_http_version() == "1.0")

    def on_body(self, body: bytes) -> None:
        """Count the body, which may come in chunks of undeclared length."""
        if self._refused:
            return
        self._body_bytes += len(body)
        if self._body_bytes > self._max_body:
            self._refuse(problems.body_too_large(self._max_body))
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock: the request is here as a whole, the application may take as long as it wants."""
        if self._refused:  # the clock that runs now ends the connection
            return
        self._expect_nothing()
        self._awaiting = ""
        super().on_message_complete()

    # Time-outs and refusals

    def _expect(self, part: str, seconds: float) -> None:
        self._expect_nothing()
        self._timer = self.loop.call_later(seconds, self._too_late, part, seconds)

    def _expect_nothing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self, part: str, seconds: float) -> None:
        self._timer = None
        if not self._awaiting:
            self.transport.close()  # nothing was asked, nothing is answered
        else:
            self._refuse(problems.too_slow(part, seconds))

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's text, ours says more
        """Answer what the parser refused."""
        self._refuse(problems.malformed())

    def _refuse(self, problem: problems.Problem) -> bool:
        """Answer with a problem document where no other answer has begun; then close. Always False."""
        if self._refused:
            return False
        self._refused = True
        self._expect_nothing()
        self._unset_keepalive_if_required()
        answerable = self._answerable()
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if not answerable:
            self.transport.close()
            return False
        self.flow.resume_reading()
        self.transport.write(problem.response())
        # Closing with unread input would reset the connection, and the client would never read the answer.
        self._timer = self.loop.call_later(self._limits.linger, self.transport.close)
        return False

    def _answerable(self) -> bool:
        """Tell whether an answer written now would be read as the answer to the request that is refused."""
        if self.cycle is None:
            return True
        if self.cycle.scope is self.scope:  # uvicorn has handed the request to the application
            return not self.cycle.response_started and not self.pipeline
        return self.cycle.response_complete

    async def _application(
        self, app: Callable[..., Any], scope: MutableMapping[str, Any], receive: Any, send: Any
    ) -> None:
        cycle = self.cycle if self.cycle is not None and self.cycle.scope is scope else None
        begin_request(scope)
        try:
            await app(scope, receive, send)
        except Exception:  # whatever an application raises because its client went away is no error of the server
            if cycle is None or not cycle.disconnected:
                raise
            logger.debug("the client went away before its answer")

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from sslclm_agent import VERSION
from sslclm_agent.errors import RefusedByBackendError, TaskError, UnreachableError
from sslclm_agent.strictjson import loads

LIMIT = 1 << 20
_STEP = 65_536
ENROL_AGAIN = (
    "check this host's clock; then get a new token where you are signed in (sslclm hosts token HOST), stop the agent "
    "here, run sslclm-agent enrol --replace --token-file -, and start it again"
)
_HEADERS = {
    "Accept": "application/json",
    "Connection": "close",
    "Content-Type": "application/json",
    "User-Agent": f"sslclm-agent/{VERSION}",
}


@dataclass(frozen=True)
class Answer:
    """A complete answer of at most ``LIMIT`` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """Return the body as one JSON object."""
        try:
            return loads(self.body)
        except TaskError as error:
            raise UnreachableError(f"the backend's answer is no JSON object: {error.sentence}") from error


class Channel:
    """HTTPS to one origin with one explicit TLS context: no redirects, no proxies, bounded in size and time.

    One connection per request: a renewed certificate counts at once, and an idle agent holds nothing open but its poll.
    """

    def __init__(self, url: str, context: ssl.SSLContext, own_until: datetime | None = None) -> None:
        """``own_until``: the end of the client certificate in ``context``, by which a refusal can be explained."""
        self._host, self._port = split_origin(url)
        self._context, self._own_until = context, own_until

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = 30, key: str = ""
    ) -> Answer:
        """Send one request; ``seconds`` bounds all of it, a slow drip too; ``key`` is the Idempotency-Key.

        Raises ``UnreachableError`` (try later) or ``RefusedByBackendError`` (any status but 2xx, redirects included).
        """
        headers = {**_HEADERS, "Idempotency-Key": key} if key else _HEADERS
        data = json.dumps(body).encode() if body is not None else None
        answer = self._exchange(method, path, data, headers, seconds)
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - RFC 9110 section 15.3
            raise _problem(answer)
        return answer

    def _exchange(
        self, method: str, path: str, data: bytes | None, headers: Mapping[str, str], seconds: float
    ) -> Answer:
        link = http.client.HTTPSConnection(self._host, self._port, timeout=seconds, context=self._context)
        watchdog = _Watchdog(link, seconds)
        try:
            link.request(method, path, body=data, headers=headers)
            response = link.getresponse()
            return Answer(response.status, dict(response.getheaders()), _read(response))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreachable(error, seconds if watchdog.fired else None) from error
        finally:
            watchdog.cancel()
            link.close()

    def _unreachable(self, error: Exception, seconds: float | None) -> UnreachableError:
        where = f"https://{self._host}:{self._port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            fix = "if the backend's root was exchanged, enrol again with a new token"
            return UnreachableError(f"{where}: its certificate does not verify: {error.verify_message}", fix=fix)
        refused = isinstance(error, ConnectionRefusedError)
        if self._own_until and datetime.now(UTC) >= self._own_until and not refused:  # the backend ends it unexplained
            ended = f"this agent's own certificate expired on {self._own_until:%Y-%m-%d}, so it is not let in"
            return UnreachableError(f"{where}: {ended}", fix=ENROL_AGAIN)
        told = "nothing answers there" if refused else f"{type(error).__name__}: {error}"
        reason = f"no complete answer within {seconds:g} s" if seconds else told
        return UnreachableError(f"{where}: {reason}", fix="check the network, the firewall and the backend")


class _Watchdog:
    """Cuts the connection when the time is over, since a socket's own time-out begins anew with every byte."""

    def __init__(self, link: http.client.HTTPSConnection, seconds: float) -> None:
        self.fired = False
        self._link = link
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()
        self._timer.join()

    def _cut(self) -> None:
        self.fired = True
        if isinstance(self._link.sock, socket.socket):
            try:
                socket.socket.shutdown(self._link.sock, socket.SHUT_RDWR)  # SSLSocket's own would unwrap it first
            except OSError:
                return  # closed meanwhile: what was wanted


def _read(response: http.client.HTTPResponse) -> bytes:
    parts, size = [], 0
    while part := response.read(_STEP):
        parts.append(part)
        size += len(part)
        if size > LIMIT:
            raise ValueError(f"the answer is larger than {LIMIT} bytes")
    if response.length:
        raise ValueError("the answer ended early")
    return b"".join(parts)


def _problem(answer: Answer) -> RefusedByBackendError:
    try:
        problem = loads(answer.body)
    except TaskError:
        problem = {}
    detail = str(problem.get("detail") or problem.get("title") or "no explanation")[:500]
    fix = str(problem.get("fix") or "")[:500]
    return RefusedByBackendError(f"the backend answered {answer.status}: {detail}", status=answer.status, fix=fix)


def split_origin(url: str) -> tuple[str, int]:
    """Return host and port of ``https://host:port``; anything more in the URL is refused."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError as error:
        raise UnreachableError("the backend's URL is malformed", fix="it must be https://host:port") from error
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme != "https" or not parts.hostname or extra:
        raise UnreachableError("the backend's URL is not permitted", fix="it must be https://host:port")
    return parts.hostname, port


def verifying_context(root_pem: str) -> ssl.SSLContext:
    """Return a client context that trusts exactly this root: nothing of the system, no environment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # OpenSSL would, where the SAN holds addresses only
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.load_verify_locations(cadata=root_pem)
    return context

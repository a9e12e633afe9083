"""A supervisor in a thread of its own, so that blocking clients and ``openssl s_client`` can talk to it."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from commands.ports.keystore import Secret
from infra.server.limits import Limits
from infra.server.loop import new_event_loop
from infra.server.supervisor import Listener, Supervisor
from infra.server.tls import ServerIdentity
from tests.support.pki import Pair

SHORT = Limits(handshake=0.5, head=0.5, body=0.5, keep_alive=5, linger=0.2, max_head=8192, max_body=4096)
DEADLINE = 15.0
Answer = tuple[int, dict[str, str], bytes]


async def echo(scope, receive, send):
    """Answer what the server told the application: peer, headers, size of the body."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RuntimeError("the client went away")
        size, more = size + len(message["body"]), message["more_body"]
    tls = dict(scope.get("extensions", {}).get("tls", {}))
    tls["peer_der"] = tls["peer_der"].hex() if tls.get("peer_der") else None
    headers = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    body = json.dumps({"tls": tls, "headers": headers, "size": size, "state": sorted(scope["state"])}).encode()
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(*listeners: Listener, drain_seconds: int = 2) -> Iterator[Callable[[], None]]:
    """Serve the listeners until the block ends; what is yielded asks for the stop without waiting."""
    supervisor, ready, failure = Supervisor(listeners, drain_seconds), threading.Event(), []
    loop = new_event_loop()
    stop = asyncio.Event()

    def work():
        try:
            loop.run_until_complete(supervisor.run(stop, ready.set))
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failure.append(error)
        finally:
            ready.set()
            loop.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert ready.wait(DEADLINE)
    if failure:
        raise failure[0]
    ask = partial(_ask, loop, stop)
    try:
        yield ask
    finally:
        ask()
        thread.join(DEADLINE)
        assert not thread.is_alive()


def _ask(loop, stop):
    if not loop.is_closed():
        loop.call_soon_threadsafe(stop.set)


def identity(pair: Pair) -> ServerIdentity:
    """Return a test certificate as a listener's identity."""
    return ServerIdentity(pair.chain_pem, Secret(pair.key_pem))


def client_context(ca: Pair, client: Pair | None = None, folder=None) -> ssl.SSLContext:
    """Return a client's context that trusts one root and, where given, proves a certificate."""
    context = ssl.create_default_context(cadata=ca.pem.decode())
    if client is not None:
        context.load_cert_chain(*client.write(folder, f"client-{client.certificate.serial_number}"))
    return context


def connect(listener: Listener, context: ssl.SSLContext | None = None) -> socket.socket:
    """Open a connection, with TLS where a context is given."""
    assert listener.address is not None
    plain = socket.create_connection(listener.address, timeout=DEADLINE)
    return context.wrap_socket(plain, server_hostname="localhost") if context else plain


def ask(connection: socket.socket, head: str = "", body: bytes = b"", method: str = "GET") -> Answer:
    """Send one request and read its answer: status, headers, body."""
    length = f"content-length: {len(body)}\r\n" if body else ""
    connection.sendall(f"{method} / HTTP/1.1\r\nhost: localhost\r\n{length}{head}\r\n".encode() + body)
    return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer with a declared length; status 0 where the server only closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return 0, {}, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += connection.recv(65536)
    return int(status.split()[1]), headers, body


def until_closed(connection: socket.socket) -> bytes:
    """Read until the server ends the connection; a time-out fails the test."""
    data = b""
    try:
        while more := connection.recv(65536):
            data += more
    except ConnectionError:
        pass
    return data


def refused(listener, context):
    """Tell whether the server ends the handshake with an alert (TLS 1.3 clients see it at their first read)."""
    try:
        with connect(listener, context) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
            return connection.recv(100) == b""
    except (ssl.SSLError, ConnectionError):
        return True

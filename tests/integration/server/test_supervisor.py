"""Start and stop: ports, several listeners, signals and draining."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.server.supervisor import Listener
from tests.support.listeners import DEADLINE, SHORT, ask, client_context, connect, echo, serving, until_closed

CHILD = Path(__file__).parent / "drain_child.py"
ROOT = Path(__file__).parents[3]


def plain(app=echo, port=0):
    """Return a listener without TLS."""
    return Listener("pki", app, "127.0.0.1", port, limits=SHORT)


def test_several_listeners_share_one_process(people, server_ca):
    """Each has its own address and says so in the scope; plain HTTP has no TLS peer."""
    pki = plain()

    with serving(people, pki), connect(people, client_context(server_ca)) as first, connect(pki) as second:
        answers = [json.loads(ask(each)[2]) for each in (first, second)]

    assert people.address != pki.address
    assert [answer["tls"].get("version") for answer in answers] == ["TLSv1.3", None]
    assert answers[0]["state"] == ["draining", "listener", "request_id"]


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_the_unspecified_address_serves_both_families():
    """``[::]`` is what an operator writes for "everywhere"."""
    listener = Listener("pki", echo, "::", 0, limits=SHORT)

    with serving(listener):
        assert listener.address is not None
        listener.address = ("127.0.0.1", listener.address[1])
        with connect(listener) as connection:
            assert ask(connection)[0] == 200


def test_a_taken_port_is_named_and_nothing_stays_open():
    """The operator reads which listener, which address and what to do; the other sockets are closed again."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        first = plain()
        with pytest.raises(Unavailable) as refused, serving(first, plain(port=port)):
            pass

    assert refused.value.message == f"pki cannot listen on 127.0.0.1:{port}: the port is taken by another process"
    assert f"ss -ltnp 'sport = :{port}'" in refused.value.fix
    with pytest.raises(ConnectionRefusedError):
        connect(first)


def long_poll(reached):
    """Return an application that answers when the process drains."""

    async def app(scope, receive, send):
        await receive()
        reached.set()
        await scope["state"]["draining"].wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
        await send({"type": "http.response.body", "body": b"drained"})

    return app


def test_draining_answers_long_polls_and_closes():
    """The poll is answered with Connection: close, an idle connection is closed, no new one is taken."""
    reached = threading.Event()
    listener = plain(long_poll(reached))

    with serving(listener) as stop, connect(listener) as idle, connect(listener) as poll:
        poll.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert reached.wait(DEADLINE)
        stop()

        answer = until_closed(poll)
        assert answer.endswith(b"drained")
        assert b"connection: close\r\n" in answer
        assert until_closed(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(listener)


def test_an_application_that_never_ends_is_cancelled():
    """The stop is bounded, whatever an application does."""
    reached = threading.Event()

    async def stuck(scope, receive, _send):
        reached.set()
        while True:
            message = await receive()
            assert message["type"] == "http.request", scope

    listener = plain(stuck)
    with serving(listener, drain_seconds=1) as stop, connect(listener) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert reached.wait(DEADLINE)
        stop()  # the end of the block waits for the supervisor, with a deadline


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_a_real_process(number):
    """The process answers its long-poll, says what it does, and ends with status 0."""
    command = [sys.executable, str(CHILD)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            port = int(child.stdout.readline())
            with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as poll:
                poll.sendall(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert child.stdout.readline() == "polling\n"
                child.send_signal(number)
                answer = until_closed(poll)
            _, log = child.communicate(timeout=DEADLINE)
        finally:
            child.kill()

    assert answer.endswith(b"drained")
    assert child.returncode == 0
    assert [json.loads(line)["level"] for line in log.splitlines()].count("error") == 0
    assert "draining" in log

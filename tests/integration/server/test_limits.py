"""Clients that are too slow or send too much are answered with a problem document, or closed."""

from __future__ import annotations

import json

import pytest

from infra.server.supervisor import Listener
from infra.server.tls import ReloadableContext, people_context
from tests.support.listeners import SHORT, ask, client_context, connect, identity, read_answer, serving, until_closed

HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n"


def problem(answer):
    """Return status and rule of a problem document."""
    status, headers, body = answer
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    return status, json.loads(body)["rule"]


def test_a_head_that_trickles_is_closed(people, server_ca):
    """Slowloris: some bytes of a head, never its end."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nx: ")

        assert problem(read_answer(connection)) == (408, "request-too-slow")
        assert until_closed(connection) == b""


def test_a_second_head_that_trickles_is_closed(people, server_ca):
    """The clock runs for every request of a connection, blank lines included."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        ask(connection)
        connection.sendall(b"\r\n")

        until_closed(connection)  # a time-out would raise


def test_a_connection_that_asks_nothing_is_closed(people, server_ca):
    """No request, no answer."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        assert until_closed(connection) == b""


def test_a_body_that_trickles_is_closed(people, server_ca):
    """The head came in time, the body does not."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(HEAD + b"content-length: 10\r\n\r\n12345")

        assert problem(read_answer(connection)) == (408, "request-too-slow")


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01\x02\x00\x01"])
def test_a_handshake_that_stalls_is_closed(sent, people):
    """TCP connects, and TLS never begins or stops half way."""
    with serving(people), connect(people) as connection:
        connection.sendall(sent)

        assert until_closed(connection) == b""


def test_a_declared_body_over_the_limit_is_refused_unread(people, server_ca):
    """The answer comes before the body is sent."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(HEAD + b"content-length: 4097\r\n\r\n")

        assert problem(read_answer(connection)) == (413, "body-too-large")


def test_a_chunked_body_over_the_limit_is_refused(people, server_ca):
    """A body of undeclared length is counted as it comes."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")
        connection.sendall((b"400\r\n" + b"x" * 1024 + b"\r\n") * 8)

        assert problem(read_answer(connection)) == (413, "body-too-large")


def test_a_refused_connection_ends_though_its_body_was_complete(people, server_ca):
    """The whole request came at once: it is answered, and the connection does not stay open."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(HEAD + b"content-length: 5000\r\n\r\n" + b"x" * 5000)

        assert problem(read_answer(connection)) == (413, "body-too-large")
        assert until_closed(connection) == b""


def test_a_refusal_never_answers_an_earlier_request(server_pair, server_ca):
    """Pipelined behind a request that is still at work, a bad one ends the connection without a word."""

    async def waiting(_scope, receive, _send):
        await receive()
        await receive()  # ends when the connection does

    tls = ReloadableContext(people_context, identity(server_pair))
    listener = Listener("people", waiting, "127.0.0.1", 0, tls, limits=SHORT)
    with serving(listener), connect(listener, client_context(server_ca)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n" + HEAD + b"content-length: 5000\r\n\r\n")

        assert until_closed(connection) == b""


def test_a_client_that_never_says_goodbye_does_not_hold_the_stop(people, server_ca):
    """It ignores the server's close_notify; the connection is cut after the linger time."""
    with serving(people, drain_seconds=600):
        connection = connect(people, client_context(server_ca))
        assert ask(connection)[0] == 200
    # The end of the block has waited for the supervisor, with a deadline, while the client still had its end open.
    connection.close()


def test_a_body_at_the_limit_is_taken(people, server_ca):
    """The limit itself is allowed, declared or chunked."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        status, _, body = ask(connection, body=b"x" * 4096, method="POST")

    assert (status, json.loads(body)["size"]) == (200, 4096)


@pytest.mark.parametrize("chunk", [b"x: " + b"y" * 9000, b"x: y\r\n" * 2000])
def test_a_head_over_the_limit_is_refused(chunk, people, server_ca):
    """One long header, unfinished, or many short ones."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(HEAD + chunk)

        assert problem(read_answer(connection)) == (431, "head-too-large")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"\x00\xff" * 50,
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx y: z\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET /é HTTP/1.1\r\nhost: a\r\n\r\n".encode(),
    ],
)
def test_malformed_requests_get_a_problem_document(request_bytes, people, server_ca):
    """Including both lengths at once, which is how requests are smuggled (RFC 9112 section 6.1)."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(request_bytes)

        assert problem(read_answer(connection)) == (400, "malformed-request")


def test_answers_carry_a_date_and_no_server_name(people, server_ca):
    """RFC 9110 section 6.6.1 wants the date; the product's name helps attackers only."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        _, headers, _ = ask(connection)

    assert headers["date"].endswith(" GMT")
    assert "server" not in headers


def test_the_server_goes_on_after_refusals(people, server_ca):
    """One connection's misuse is no other's trouble."""
    with serving(people):
        with connect(people, client_context(server_ca)) as bad:
            bad.sendall(b"\x00" * 100)
            until_closed(bad)
        with connect(people, client_context(server_ca)) as good:
            assert ask(good)[0] == 200

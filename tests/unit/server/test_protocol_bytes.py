"""The protocol fed with arbitrary and arbitrarily divided bytes, without a socket."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from uvicorn.server import ServerState

from infra.server.limits import Limits
from infra.server.protocol import Protocol, Rules

LIMITS = Limits(max_head=300, max_body=50, larger_bodies={b"/bulk": 100})
GOOD = b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n0123456789"
CHUNKED = b"POST /a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data):
        """Keep it."""
        self.written += bytes(data)

    def close(self):
        """Remember it."""
        self.closed = True

    def is_closing(self):
        """Tell what close remembered."""
        return self.closed

    def pause_reading(self):
        """Do nothing: the test feeds."""

    def resume_reading(self):
        """Do nothing: the test feeds."""


async def echo(_scope, receive, send):
    """Answer the body."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


async def conversation(pieces):
    """Feed the pieces, let the application finish, and return what was written."""
    config = uvicorn.Config(echo, http=Protocol, ws="none", lifespan="off", log_config=None, proxy_headers=False)
    wire = Wire()
    state = ServerState()
    protocol = Protocol(config, state, {}, asyncio.get_running_loop(), rules=Rules(LIMITS))
    protocol.connection_made(wire)
    for piece in pieces:
        if not wire.closed:
            protocol.data_received(piece)
    for _ in range(10):
        await asyncio.sleep(0)
    protocol.connection_lost(None)
    await asyncio.gather(*state.tasks)
    return wire.written


def divided(data, cuts):
    """Return data cut at these places."""
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    return [data[low:high] for low, high in pairwise(edges) if low < high]


@settings(deadline=None)
@given(st.sampled_from([GOOD, CHUNKED]), st.lists(st.integers(0, 1000), max_size=8))
def test_how_a_request_is_divided_does_not_matter(request_bytes, cuts):
    """Any packets give the same answer."""
    written = asyncio.run(conversation(divided(request_bytes, cuts)))

    assert written.endswith(b"\r\n\r\n0123456789")
    assert written.count(b"HTTP/1.1 ") == 1


@settings(deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=80), st.sampled_from([GOOD, CHUNKED, b"GET / HTTP/1.1\r\n"])), max_size=6))
def test_arbitrary_bytes_never_raise(pieces):
    """Whatever arrives is answered with 200, 400, 413 or 431, or not at all; never with a 500."""
    written = asyncio.run(conversation([piece for piece in pieces if piece]))

    statuses = {line.split()[1] for line in written.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")}
    assert statuses <= {b"200", b"400", b"413", b"431"}


def test_only_the_paths_that_are_named_take_larger_bodies():
    """A path with a limit of its own is compared as a whole, its query left out; every other keeps the common limit."""

    def answer(target, length):
        head = b"POST %s HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (target, length)
        return asyncio.run(conversation([head + b"x" * length])).split()[1]

    assert [b"200", b"200"] == [answer(target, 80) for target in (b"/bulk", b"/bulk?a=b")]
    assert [b"413"] * 4 == [answer(target, 80) for target in (b"/a", b"/bulk/", b"/bulk/../bulk", b"/a?/bulk")]
    assert b"413" == answer(b"/bulk", 101)

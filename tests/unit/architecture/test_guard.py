"""The guards of the test suite itself: what would make all other tests lie."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.real import missing, real_part


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "www.example.com"])
def test_the_world_outside_is_refused(host: str):
    """A test that reaches for another machine fails, before a packet leaves."""
    with pytest.raises(AssertionError, match="may not"):
        socket.create_connection((host, 443), timeout=1)


def test_a_datagram_to_the_outside_is_refused():
    """Connectionless sockets are guarded too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, pytest.raises(AssertionError, match="may not"):
        sender.sendto(b"x", ("192.0.2.1", 53))


async def test_loopback_is_open():
    """A server on 127.0.0.1 can be reached, by name and by address."""
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        for host in ("127.0.0.1", "localhost"):
            reader, writer = await asyncio.open_connection(host, port, family=socket.AF_INET)

            assert b"" == await reader.read()
            writer.close()
            await writer.wait_closed()


def test_a_missing_part_is_a_skip_at_home(monkeypatch: pytest.MonkeyPatch):
    """At home a missing server skips the test and says how to get it."""
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="no-such-server is not here: install it"):
        real_part("no-such-server", "install it")


def test_a_missing_part_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch):
    """In CI a missing server fails: a skip there would hide a hole for months."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="not here"):
        missing("MongoDB", "install it")

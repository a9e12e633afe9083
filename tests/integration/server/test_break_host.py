"""A request names one host."""

from __future__ import annotations

import pytest

from tests.support.listeners import client_context, connect, read_answer, serving


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"])
def test_none_or_two_hosts_are_refused(people, server_ca, head):
    """RFC 9112 section 3.2: a front end and this server might each believe another one."""
    with serving(people), connect(people, client_context(server_ca)) as connection:
        connection.sendall(head)

        assert 400 == read_answer(connection)[0]

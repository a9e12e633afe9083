"""What a stranger does before anybody asks who they are."""

from __future__ import annotations

import logging

SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "POST",
    "scheme": "https",
    "path": "/auth/cli/token",
    "raw_path": b"/auth/cli/token",
    "query_string": b"",
    "headers": [(b"content-type", b"application/json")],
    "client": ("192.0.2.1", 1),
    "server": ("clm.test", 443),
}


async def test_a_client_that_leaves_in_its_body_fills_no_log(lab, caplog):
    """Half a body and gone: no answer, no error, no stack trace."""
    arriving = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    answered = []

    async def receive():
        return arriving.pop(0)

    async def send(message):
        answered.append(message)

    with caplog.at_level(logging.INFO):
        await lab.app({**SCOPE, "state": {}}, receive, send)

    assert [] == answered
    assert "" == caplog.text

"""An operator reads why a listener cannot listen."""

from __future__ import annotations

import errno

import pytest

from infra.server.binding import cannot_listen


@pytest.mark.parametrize(
    ("number", "message", "fix"),
    [
        (errno.EADDRINUSE, "the port is taken by another process", "choose another port"),
        (errno.EACCES, "this account may not open the port", "CAP_NET_BIND_SERVICE"),
        (errno.EADDRNOTAVAIL, "this machine does not have the address", "an address of this machine"),
        (errno.EAFNOSUPPORT, "no IPv6 here", "check the listen address"),
    ],
)
def test_every_reason_has_its_remedy(number, message, fix):
    """Listener, address, reason and what helps stand in one sentence each."""
    refused = cannot_listen("agents", "192.0.2.1", 443, OSError(number, "no IPv6 here"))

    assert refused.message.startswith("agents cannot listen on 192.0.2.1:443: ")
    assert message in refused.message
    assert fix in refused.fix

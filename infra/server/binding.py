"""Opening a listening socket, with the sentence that an operator needs where that fails."""

from __future__ import annotations

import errno
import socket

from domain.errors import Unavailable

BACKLOG = 2048


def open_listening(name: str, host: str, port: int) -> socket.socket:
    """Return a non-blocking listening socket; ``port`` 0 takes a free one. Raises Unavailable."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        both = host == "::" and socket.has_dualstack_ipv6()
        opened = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    except OSError as error:
        raise cannot_listen(name, host, port, error) from error
    opened.setblocking(False)
    return opened


def cannot_listen(name: str, host: str, port: int, error: OSError) -> Unavailable:
    """Return what an operator is told, by what the system said."""
    why, fix = str(error), "check the listen address"
    if error.errno == errno.EADDRINUSE:
        why = "the port is taken by another process"
        fix = f"stop that process (ss -ltnp 'sport = :{port}' names it) or choose another port"
    elif error.errno == errno.EACCES:
        why = "this account may not open the port"
        fix = "choose a port above 1023, or grant CAP_NET_BIND_SERVICE"
    elif error.errno == errno.EADDRNOTAVAIL:
        why, fix = "this machine does not have the address", "choose an address of this machine"
    return Unavailable(f"{name} cannot listen on {host}:{port}: {why}", rule="cannot-listen", fix=fix)

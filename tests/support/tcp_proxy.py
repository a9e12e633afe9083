"""A proxy before one mongod that can lose what goes through it: the next insert into the ledger, or its reply."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import deque

INSERT = b"\x02insert\x00\x07\x00\x00\x00ledger\x00"
"""How an insert into the ledger looks in an OP_MSG."""

FAULTS = {
    "request lost": ("before", "before"),
    "reply lost": ("reply", "before"),
    "request late": ("late", "before"),
    "driver repeats": ("reply",),
}
"""What to do to the next inserts, in order. The driver repeats a write once: two make an unknown outcome."""


class Proxy:
    """Forwards whole messages of MongoDB's wire protocol; every connection may be cut at an insert into the ledger."""

    def __init__(self, target, late_s=0.2):
        self._target, self._late_s = target, late_s
        self._plan = deque()
        self._late = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, fault):
        """Do to the next inserts what a fault says; None forgets what was planned."""
        self._plan = deque(FAULTS[fault] if fault else ())

    def settle(self):
        """Return once everything that was held back has arrived or is lost."""
        for thread in self._late:
            thread.join()

    def close(self):
        """Take no more connections."""
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
            threading.Thread(target=self._replies, args=(server, client), daemon=True).start()

    def _requests(self, client, server):
        while message := _message(client):
            fault = self._plan.popleft() if INSERT in message and self._plan else None
            if fault is None:
                _send(server, message)
            else:
                self._harm(fault, client, server, message)
                return
        _cut(client, server)

    def _harm(self, fault, client, server, message):
        _cut(client)
        if fault == "before":
            _cut(server)
        elif fault == "reply":
            _send(server, message)
        else:
            late = threading.Timer(self._late_s, _send, (server, message))
            self._late.append(late)
            late.start()

    def _replies(self, server, client):
        while message := _message(server):
            _send(client, message)
        _cut(client, server)


def _exactly(sock, size):
    got = b""
    while len(got) < size:
        try:
            more = sock.recv(size - len(got))
        except OSError:
            return b""
        if not more:
            return b""
        got += more
    return got


def _message(sock):
    head = _exactly(sock, 4)
    return head and head + _exactly(sock, struct.unpack("<i", head)[0] - 4)


def _send(sock, message):
    try:
        sock.sendall(message)
    except OSError:
        _cut(sock)


def _cut(*socks):
    for sock in socks:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

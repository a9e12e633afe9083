"""What is served where, seen by the story's own TLS handshake: it believes neither the backend nor the agent."""

from __future__ import annotations

import hashlib
import socket
import ssl
from dataclasses import dataclass

from scripts.story.calls import trusting
from scripts.story.place import Place

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Served:
    """What a handshake showed: the SHA-256 of the leaf (hex), and how it verifies under the internal root."""

    sha256: str
    version: str
    verdict: str

    @property
    def is_trusted(self) -> bool:
        """Tell whether chain and name verify."""
        return self.verdict == "verified"


def look(place: Place, port: int, name: str) -> Served:
    """Shake hands with a loopback port under a server name; verify chain and name with the CA file."""
    try:
        return _handshake(trusting_root(place), port, name, "verified")
    except ssl.SSLCertVerificationError as error:
        blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        blind.check_hostname = False
        blind.verify_mode = ssl.CERT_NONE  # only to see what it is that does not verify
        return _handshake(blind, port, name, error.verify_message)


def trusting_root(place: Place) -> ssl.SSLContext:
    """Return a client context that trusts the internal root and nothing else."""
    return trusting(place.ca_file.read_text())


def handshake_and_ask(context: ssl.SSLContext, port: int, name: str) -> str:
    """Connect anew, ask for a page, and return the leaf's SHA-256 (hex). Raises OSError where no answer came."""
    with (
        socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as raw,
        context.wrap_socket(raw, server_hostname=name) as link,
    ):
        link.sendall(f"GET / HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
        if not link.recv(1):
            raise ConnectionError("the server closed the connection without an answer")
        return hashlib.sha256(link.getpeercert(binary_form=True) or b"").hexdigest()


def _handshake(context: ssl.SSLContext, port: int, name: str, verdict: str) -> Served:
    with (
        socket.create_connection(("127.0.0.1", port), _TIMEOUT_S) as raw,
        context.wrap_socket(raw, server_hostname=name) as link,
    ):
        der = link.getpeercert(binary_form=True) or b""
        return Served(hashlib.sha256(der).hexdigest(), link.version() or "", verdict)

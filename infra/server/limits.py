"""How long and how much a listener waits for, and which load balancers it believes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds, sizes in bytes; a client outside them is answered and its connection closed.

    ``larger_bodies``: path -> bytes, for the few paths that take more than ``max_body``.
    """

    handshake: float = 10.0
    head: float = 10.0
    body: float = 60.0
    keep_alive: int = 75
    linger: float = 1.0
    max_head: int = 64 * 1024
    max_body: int = 1024 * 1024
    larger_bodies: Mapping[bytes, int] = field(default_factory=dict)

    def body_at(self, target: bytes) -> int:
        """Return how many bytes the body of a request to ``target`` (path and query) may have."""
        return self.larger_bodies.get(target.partition(b"?")[0], self.max_body) if self.larger_bodies else self.max_body


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """A peer whose ``Client-Cert`` header (RFC 9440) is believed: both its address and its certificate must match.

    ``certificate_sha256`` is the lower-case hex fingerprint of the certificate that it proves in mutual TLS.
    """

    network: IPv4Network | IPv6Network
    certificate_sha256: str

    def is_peer(self, host: str, sha256: str | None) -> bool:
        """Tell whether a connection from ``host`` that proved the certificate ``sha256`` is this load balancer."""
        if sha256 != self.certificate_sha256:
            return False
        address = ip_address(host)
        # A socket that serves both families shows IPv4 clients as ::ffff:192.0.2.1.
        return (getattr(address, "ipv4_mapped", None) or address) in self.network

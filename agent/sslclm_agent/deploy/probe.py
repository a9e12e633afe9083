"""The only validator that all servers have in common: a real TLS handshake, looking at what is served."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass

from sslclm_agent.clock import Clock
from sslclm_agent.deploy.checks import Material
from sslclm_agent.tasks.parameters import Endpoint

_HANDSHAKE_SECONDS = 5.0
_PAUSE = 0.05


@dataclass(frozen=True)
class Served:
    """What one handshake showed: the chain's SHA-256 values, leaf first, and the TLS version."""

    chain: tuple[str, ...]
    tls: str


@dataclass(frozen=True)
class Evidence:
    """An endpoint that served ``sha256`` ``hits`` times in a row."""

    endpoint: str
    sha256: str
    tls: str
    hits: int


class ProbeFailedError(Exception):
    """An endpoint did not serve what it must until the deadline; the text says what was seen last."""


def handshake(endpoint: Endpoint, root_pem: str | None) -> Served:
    """Make one new TLS connection and return what was served; no session is resumed, nothing else is sent.

    With ``root_pem`` the chain is verified against that root alone and the name is checked; without, nothing is
    verified (to *see* what is served). Raises ``OSError`` (``ssl.SSLError`` is one).
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET
    context.hostname_checks_common_name = False  # RFC 9525 section 6.4.4
    if root_pem is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(cadata=root_pem)
    with (
        socket.create_connection((endpoint.address, endpoint.port), timeout=_HANDSHAKE_SECONDS) as raw,
        context.wrap_socket(raw, server_hostname=_sni(endpoint.server_name)) as link,
    ):
        return Served(tuple(hashlib.sha256(der).hexdigest() for der in _served_chain(link)), link.version() or "")


def _sni(name: str) -> str:
    """Ask for a wildcard by some name that it covers."""
    return name.replace("*", "probe", 1) if name.startswith("*.") else name


def _served_chain(link: ssl.SSLSocket) -> Iterable[bytes]:
    """Return the DER certificates as sent. Public from Python 3.13, the same call on the inner object before."""
    inner = link if hasattr(link, "get_unverified_chain") else link._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - no public way before 3.13
    chain = inner.get_unverified_chain() or ()
    return [each if isinstance(each, bytes) else ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in chain]


class Prober:
    """Repeats handshakes until the wanted certificate was served several times in a row, or time is over."""

    def __init__(self, seconds: float, hits: int, clock: Clock) -> None:
        self._seconds = seconds
        self._hits = hits
        self._clock = clock

    def prove(self, endpoints: Iterable[Endpoint], material: Material) -> list[Evidence]:
        """Prove that every endpoint serves exactly this chain, root left out, verified against the given root."""
        deadline = self._clock.monotonic() + self._seconds
        return [self._wait_for(each, material.chain_sha256, material.root_pem, deadline) for each in endpoints]

    def prove_leaf(self, endpoints: Iterable[Endpoint], sha256: str) -> list[Evidence]:
        """Prove that every endpoint serves this leaf again (after a roll-back, when its root is not at hand)."""
        deadline = self._clock.monotonic() + self._seconds
        return [self._wait_for(each, (sha256,), None, deadline) for each in endpoints]

    def prove_gone(self, endpoints: Iterable[Endpoint], sha256: str) -> list[Evidence]:
        """Prove that no endpoint serves this leaf any more; return what those serve that still answer."""
        deadline = self._clock.monotonic() + self._seconds
        seen = [self._wait_until_gone(each, sha256, deadline) for each in endpoints]
        return [each for each in seen if each is not None]

    def look(self, endpoints: Iterable[Endpoint]) -> list[Evidence]:
        """Say what each endpoint serves now, leaving out those that do not answer."""
        seen = []
        for each in endpoints:
            try:
                served = handshake(each, None)
            except OSError:
                continue
            seen.append(Evidence(str(each), served.chain[0], served.tls, 1))
        return seen

    def _wait_for(self, endpoint: Endpoint, chain: tuple[str, ...], root: str | None, deadline: float) -> Evidence:
        hits, last = 0, ""
        while True:
            try:
                served = handshake(endpoint, root)
                right = served.chain == chain if root else served.chain[:1] == chain
                hits, last = (hits + 1, "") if right else (0, f"served another chain: {', '.join(served.chain)}")
            except ConnectionRefusedError:
                hits, last = 0, "nothing answers there"
            except OSError as error:
                hits, last = 0, f"no handshake: {type(error).__name__}: {error}"
            if hits >= self._hits:
                return Evidence(str(endpoint), chain[0], served.tls, hits)
            if self._clock.monotonic() >= deadline:
                raise ProbeFailedError(f"{endpoint}: {last or 'served the certificate too rarely'}")
            self._clock.sleep(_PAUSE)

    def _wait_until_gone(self, endpoint: Endpoint, sha256: str, deadline: float) -> Evidence | None:
        misses, other = 0, None
        while misses < self._hits:
            try:
                served = handshake(endpoint, None)
                there = served.chain[:1] == (sha256,)
                other = None if there else Evidence(str(endpoint), served.chain[0], served.tls, misses + 1)
            except OSError:  # refused, or cut off in the handshake: whatever it is, it serves no certificate
                there, other = False, None
            misses = 0 if there else misses + 1
            if there and self._clock.monotonic() >= deadline:
                raise ProbeFailedError(f"{endpoint}: the certificate is served on")
            self._clock.sleep(_PAUSE)
        return other

"""The one client for addresses that somebody typed in: what it may reach is decided on the address really connected.

A name is resolved here, each of its addresses is judged, and the socket goes to one that passed: there is no second
look-up in between that could answer otherwise (DNS rebinding). No redirects, no proxies, no environment, TLS only.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import SOCK_STREAM
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from domain.errors import ClmError, InvalidInput, Unavailable

Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_EMBEDDING = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 ranges that carry an IPv4 address to somewhere else: NAT64, 6to4, Teredo."""


class AddressRefused(ClmError):
    """The name leads to an address that nothing typed in may reach."""

    rule = "address-not-allowed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``body`` is cut off at the client's limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name, as the machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM)
    return [str(one[4][0]) for one in found]


def is_public(text: str) -> bool:
    """Tell whether an address is one of the public Internet, also through an embedding of IPv4 in IPv6."""
    address: IPv4Address | IPv6Address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    if any(address in network for network in _EMBEDDING if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that passed, and to nothing else."""

    def __init__(self, allowed: tuple[Network, ...], resolve: Resolve) -> None:
        self._allowed, self._resolve = allowed, resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first allowed address of ``host``; raises AddressRefused."""
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise httpcore2.ConnectError("the name cannot be resolved") from error
        fit = [one for one in found if self._may(one)]
        if not fit:
            raise AddressRefused(
                f"{host} leads to no address that may be reached from here",
                fix="name a public address, or allow the network in the settings",
            )
        return await self._inner.connect_tcp(fit[0], port, timeout, local_address, socket_options)

    def _may(self, text: str) -> bool:
        address = ip_address(text.partition("%")[0])
        address = getattr(address, "ipv4_mapped", None) or address
        listed = any(address in network for network in self._allowed if network.version == address.version)
        return listed or ("%" not in text and is_public(text))


class GuardedClient:
    """Sends one request at a time and keeps no connection; ``allowed`` networks may be reached although private."""

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        allowed: tuple[Network, ...] = (),
        limit: int = 65_536,
        seconds: float = 15.0,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._context, self._limit, self._seconds = context, limit, seconds
        self._backend = _GuardedBackend(allowed, resolve)

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes = b"") -> Answer:
        """Return the answer. Raises InvalidInput for what is no https URL, AddressRefused, and Unavailable."""
        check_url(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(method, url, headers, content)
        except (TimeoutError, OSError, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise _unreachable(error) from error
        except httpcore2.TimeoutException as error:
            raise _unreachable(error) from error

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        pool = httpcore2.AsyncConnectionPool(
            ssl_context=self._context, network_backend=self._backend, max_keepalive_connections=0
        )
        told = [*headers.items(), ("Accept-Encoding", "identity"), ("Connection", "close")]
        timeouts = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)}
        async with pool, pool.stream(method, url, headers=told, content=content, extensions=timeouts) as response:
            body = b""
            async for piece in response.aiter_stream():
                body += piece
                if len(body) > self._limit:
                    break
            said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Answer(response.status, said, body[: self._limit])


def check_url(url: str) -> None:
    """Raise InvalidInput unless this is an https URL without user information and fragment."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fit, parts = False, urlsplit("")
    if not fit or parts.username or parts.password or parts.fragment or not url.isascii() or not url.isprintable():
        raise InvalidInput(
            "this is no address that may be called",
            rule="outbound-url",
            fix="write https://host/path, and nothing else",
        )


def _unreachable(error: Exception) -> Unavailable:
    return Unavailable(
        f"the receiver cannot be reached: {type(error).__name__}",
        rule="receiver-unreachable",
        fix="see that it answers over TLS with a certificate of the configured bundle",
    )

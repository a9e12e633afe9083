"""The one client for addresses that somebody typed in: what it may reach is decided on the address really connected.

A name is resolved here, each of its addresses is judged, and the connection goes to one that passed, by its number:
there is no second look-up that could answer otherwise (DNS rebinding). TLS still verifies the name. No redirects, no
proxies, no environment, no other scheme.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from socket import SOCK_STREAM
from urllib.parse import urlsplit

import httpx2

from domain.errors import InvalidInput, Unavailable

Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_EMBEDDING = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 ranges that carry an IPv4 address to somewhere else: NAT64, 6to4, Teredo."""
_LOCAL = tuple(map(ip_network, ("fec0::/10", "3fff::/20", "192.88.99.0/24", "192.0.0.0/24")))
"""What the standard library's table takes for public: site-local (RFC 3879, 4291), documentation (RFC 9637), the 6to4
relays (RFC 7526) and the protocols' own block (RFC 6890)."""
_HTTPS = 443
_PLAIN = re.compile(r"[!-~]{1,2048}")


class AddressRefused(InvalidInput):
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
    address = _unmapped(text)
    if any(address in network for network in (*_EMBEDDING, *_LOCAL) if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _unmapped(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


class GuardedClient:
    """Sends one request at a time and keeps no connection; ``allowed`` networks may be reached although private.

    ``limit``: bytes of an answer that are read. ``seconds``: for a whole request, name look-up included.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        *,
        allowed: tuple[Network, ...] = (),
        limit: int = 65_536,
        seconds: float = 15.0,
        resolve: Resolve = system_resolve,
    ) -> None:
        self._context, self._allowed, self._resolve = context, allowed, resolve
        self._limit, self._seconds = limit, seconds

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes = b"") -> Answer:
        """Return the answer. Raises InvalidInput for what is no https URL, AddressRefused, and Unavailable."""
        check_url(url)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(method, url, headers, content)
        except (TimeoutError, OSError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(
                f"the receiver cannot be reached: {type(error).__name__}",
                rule="receiver-unreachable",
                fix="see that it answers over TLS with a certificate of the configured bundle",
            ) from error

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes) -> Answer:
        target = httpx2.URL(url)
        address = await self._judged(target.host, target.port or _HTTPS)
        told = {**headers, "Host": target.netloc.decode("ascii"), "Accept-Encoding": "identity", "Connection": "close"}
        async with httpx2.AsyncClient(
            verify=self._context, trust_env=False, follow_redirects=False, timeout=self._seconds
        ) as client:
            request = client.build_request(
                method,
                target.copy_with(host=address),
                headers=told,
                content=content,
                extensions={"sni_hostname": target.host},  # the name that TLS asks for and verifies
            )
            response = await client.send(request, stream=True)
            try:
                body = await self._read(response)
            finally:
                await response.aclose()
        return Answer(response.status_code, dict(response.headers), body)

    async def _read(self, response: httpx2.Response) -> bytes:
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            if len(body) >= self._limit:
                break
        return body[: self._limit]

    async def _judged(self, host: str, port: int) -> str:
        """Return the first address of a name that may be reached; raises AddressRefused where none may."""
        for one in await self._resolve(host, port):
            if self._may(one):
                return one
        raise AddressRefused(
            f"{host} leads to no address that may be reached from here",
            fix="name a public address, or allow the network in the settings",
        )

    def _may(self, text: str) -> bool:
        address = _unmapped(text)
        if any(address in network for network in self._allowed if network.version == address.version):
            return True
        return "%" not in text and is_public(text)


def check_url(url: str) -> None:
    """Raise InvalidInput unless this is an https URL without user information and fragment."""
    try:
        parts = urlsplit(url)
        fit = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        fit = fit and not (parts.username or parts.password or parts.fragment)
    except ValueError:
        fit = False
    if not fit or not _PLAIN.fullmatch(url):
        raise InvalidInput(
            "this is no address that may be called",
            rule="outbound-url",
            fix="write https://host/path, and nothing else",
        )

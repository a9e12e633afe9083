"""The one way identity code speaks to a provider: explicit trust, no proxies, no redirects, bounded answers."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from domain.errors import Unavailable
from infra.identity.settings import ProviderSettings

MAX_ANSWER = 512 * 1024
"""Bytes of one answer; the largest real discovery and JWKS documents have some 20 kB."""
TIMEOUT_S = 10.0
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class AnswerTooLarge(httpx2.TransportError):
    """The provider sent more than any honest answer has."""


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise AnswerTooLarge(f"answer is longer than {MAX_ANSWER} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


class BoundedTransport(httpx2.AsyncBaseTransport):
    """Passes requests on and cuts answers off at :data:`MAX_ANSWER` bytes (asked for uncompressed)."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self._inner.handle_async_request(request)
        if response.headers.get("Content-Encoding", "identity") != "identity":
            await response.aclose()
            raise AnswerTooLarge("answer is compressed although we asked for none")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response

    async def aclose(self) -> None:
        """Close the transport below."""
        await self._inner.aclose()


def tls_context(settings: ProviderSettings) -> ssl.SSLContext:
    """Return the TLS client context for this provider: its CA bundle and nothing else, TLS 1.2 with AEAD or 1.3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    if settings.ca_file is not None:
        context.load_verify_locations(settings.ca_file)
    return context


def transport(context: ssl.SSLContext) -> httpx2.AsyncBaseTransport:
    """Return a transport over real sockets, with no proxy from the environment."""
    return httpx2.AsyncHTTPTransport(verify=context, trust_env=False)


async def get_document(client: httpx2.AsyncClient, url: str, what: str) -> dict[str, Any]:
    """Return the JSON object at ``url``; raises :class:`domain.errors.Unavailable` for anything else."""
    try:
        response = await client.get(url, headers={"Accept": "application/json"})
        document = json.loads(response.content) if response.status_code == httpx2.codes.OK else None
    except (httpx2.HTTPError, ValueError, RecursionError) as error:
        raise _unreadable(what, "cannot be read") from error
    if not isinstance(document, dict):
        raise _unreadable(what, "is not a JSON object")
    return document


def _unreadable(what: str, why: str) -> Unavailable:
    return Unavailable(
        f"the identity provider's {what} {why}",
        rule="provider-unreachable",
        fix="try again later; if it stays, check the provider's issuer and ca_file in the settings, and its log",
    )

"""The emergency path in: a provider's TLS certificate that has expired, believed for a short time, by name and hash.

The ordinary way is tried first. Only where it fails because the certificate is *expired*, and only while an emergency
for exactly this provider and this certificate is open in the ledger, the handshake is done again without looking at
dates. Chain and host name are verified as ever, and the leaf is compared before a byte of a request is sent.
"""

from __future__ import annotations

import hashlib
import logging
import ssl
from collections.abc import Callable
from datetime import datetime

import httpx2

from domain.moments import microseconds
from infra.identity.http import tls_context, transport
from infra.identity.settings import ProviderSettings
from projections.access.emergencies import EMERGENCIES, EmergencyFilter
from projections.query import Views

Clock = Callable[[], datetime]
Leaves = Callable[[str], frozenset[str]]
"""Returns the SHA-256 of a provider's certificates that are believed although expired."""
LOG = logging.getLogger(__name__)
NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's ``X509_V_FLAG_NO_CHECK_TIME``, which Python's ``ssl`` has no name for (openssl/x509_vfy.h)."""
_HAS_EXPIRED = 10
"""OpenSSL's ``X509_V_ERR_CERT_HAS_EXPIRED``."""


def no_leaves(_provider: str) -> frozenset[str]:
    """Return nothing: no emergency, no exception."""
    return frozenset()


def leaves_of(views: Views, clock: Clock) -> Leaves:
    """Return the look-up of certificates that are believed although expired, by provider, as of now."""

    def leaves(provider: str) -> frozenset[str]:
        where = EmergencyFilter(provider=provider, open=True, until_from_us=microseconds(clock()) + 1)
        return frozenset(row["leaf_sha256"] for row in views.find(EMERGENCIES, where).rows)

    return leaves


class ExpiryTransport(httpx2.AsyncBaseTransport):
    """Sends requests the ordinary way, and in an emergency to the one certificate that was named."""

    def __init__(
        self, settings: ProviderSettings, inner: httpx2.AsyncBaseTransport, leaves: Callable[[], frozenset[str]]
    ) -> None:
        self._settings, self._inner, self._leaves = settings, inner, leaves
        self._opened: list[httpx2.AsyncBaseTransport] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; nothing of it was sent before the handshake that failed."""
        try:
            return await self._inner.handle_async_request(request)
        except httpx2.ConnectError as error:
            leaves = self._leaves() if _is_expired(error) else frozenset()
            if not leaves:
                raise
        LOG.warning("emergency: the expired TLS certificate of provider %s is believed", self._settings.name)
        self._opened.append(transport(expired_context(self._settings, leaves)))
        return await self._opened[-1].handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection, so that none outlives the one client that it was made for."""
        for one in (self._inner, *self._opened):
            await one.aclose()


def expired_context(settings: ProviderSettings, leaves: frozenset[str]) -> ssl.SSLContext:
    """Return the provider's context without dates, for these leaves (SHA-256 of the DER, lower-case hex) alone."""
    context = tls_context(settings)
    context.verify_flags |= NO_CHECK_TIME
    context.sslobject_class = _pinned(leaves)
    return context


def _pinned(leaves: frozenset[str]) -> type[ssl.SSLObject]:
    class Pinned(ssl.SSLObject):
        """A TLS connection that is over before it begins unless the peer shows one of the leaves."""

        def do_handshake(self) -> None:
            super().do_handshake()
            shown = hashlib.sha256(self.getpeercert(binary_form=True) or b"").hexdigest()
            if shown not in leaves:
                raise ssl.SSLCertVerificationError("the certificate is not the one that the emergency names")

    return Pinned


def _is_expired(error: BaseException | None) -> bool:
    """Tell whether a connection failed because the certificate has expired, and for no other reason."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_code == _HAS_EXPIRED
        error = error.__cause__ or error.__context__
    return False

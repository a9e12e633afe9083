"""The TLS peer of a connection, as applications see it in ``scope["extensions"]["tls"]``."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import ssl
from collections.abc import Sequence
from typing import TypedDict

from infra.server.limits import LoadBalancer

Headers = Sequence[tuple[bytes, bytes]]
CLIENT_CERT_HEADERS = frozenset({b"client-cert", b"client-cert-chain"})


class TlsPeer(TypedDict):
    """What the server itself knows of a connection; nothing in it can be set by what a client sends.

    ``peer_der`` is the client's certificate (DER) and ``peer_sha256`` its lower-case hex SHA-256; None where none was
    verified. ``forwarded_by`` is the fingerprint of the load balancer that verified it instead of us.
    """

    version: str
    cipher: str
    peer_der: bytes | None
    peer_sha256: str | None
    forwarded_by: str | None


def tls_peer(transport: asyncio.BaseTransport) -> TlsPeer | None:
    """Return the peer of a connection; None on a connection without TLS."""
    connection: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if connection is None:
        return None
    # Only a context that requires certificates has verified what getpeercert returns.
    verified = connection.context.verify_mode is ssl.CERT_REQUIRED
    der = connection.getpeercert(binary_form=True) if verified else None
    cipher = connection.cipher()
    return TlsPeer(
        version=connection.version() or "",
        cipher=cipher[0] if cipher else "",
        peer_der=der,
        peer_sha256=hashlib.sha256(der).hexdigest() if der else None,
        forwarded_by=None,
    )


def balancer_of(
    peer: TlsPeer | None, client: tuple[str, int] | None, balancers: Sequence[LoadBalancer]
) -> LoadBalancer | None:
    """Return the load balancer that this connection comes from; None for a direct client."""
    if peer is None or client is None:
        return None
    return next((each for each in balancers if each.is_peer(client[0], peer["peer_sha256"])), None)


def forwarded_peer(peer: TlsPeer, headers: Headers) -> TlsPeer:
    """Return the peer that a load balancer verified, from its ``Client-Cert`` header (RFC 9440 section 2.2).

    Without the header there is no peer: the balancer's own certificate never stands for a client.
    Raises ValueError where the header is not one structured-field byte sequence (RFC 8941 section 3.3.5).
    """
    values = [value.strip() for name, value in headers if name == b"client-cert"]
    der = _byte_sequence(values) if values else None
    return TlsPeer(
        version=peer["version"],
        cipher=peer["cipher"],
        peer_der=der,
        peer_sha256=hashlib.sha256(der).hexdigest() if der else None,
        forwarded_by=peer["peer_sha256"],
    )


def without_client_cert(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers without those that only a load balancer may set."""
    return [header for header in headers if header[0] not in CLIENT_CERT_HEADERS]


def _byte_sequence(values: list[bytes]) -> bytes:
    value = values[0]
    quoted = len(value) > len(b"::") and value.startswith(b":") and value.endswith(b":")
    if len(values) != 1 or not quoted:
        raise ValueError("Client-Cert is not one byte sequence")
    try:
        return base64.b64decode(value[1:-1], validate=True)
    except binascii.Error as error:
        raise ValueError("Client-Cert is not base64") from error

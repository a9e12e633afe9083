"""What the endpoints of the development provider share."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import JSONResponse

from infra.identity.devprovider.store import Store
from infra.identity.devprovider.tokens import Signer


@dataclass(frozen=True, slots=True)
class DevClient:
    """The application's registration at the development provider; the secret is made at start."""

    redirect_uris: tuple[str, ...]
    after_logout: tuple[str, ...] = ()
    client_id: str = "sslclm-web"
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


@dataclass(frozen=True, slots=True)
class Realm:
    """Issuer, registrations, memory and key. ``machine_secrets`` is client id -> secret."""

    issuer: str
    client: DevClient
    api_audience: str
    machine_secrets: Mapping[str, str] = field(repr=False)
    store: Store
    signer: Signer


def error(code: str, status: int = 400) -> JSONResponse:
    """Return an OAuth error answer (RFC 6749 section 5.2)."""
    headers = {"Cache-Control": "no-store"} | ({"WWW-Authenticate": "Basic"} if status == 401 else {})  # noqa: PLR2004 - RFC 9110
    return JSONResponse({"error": code}, status, headers)

"""What surrounds every call: a correlation id, headers that browsers obey, and an end to unexpected errors."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, MutableMapping
from typing import Any

from fastapi import Request, Response
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CORRELATION = "correlation_id"
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

HEADERS = (
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
)
"""Set on every answer that does not say otherwise itself."""

_RAW = tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in HEADERS)
_OURS = b"x-correlation-id"


def correlation_id(scope: MutableMapping[str, Any]) -> str:
    """Return what ties everything of one call together: the caller's ``X-Correlation-Id`` if it is sane, else ours."""
    state = scope.setdefault("state", {})
    if CORRELATION not in state:
        given = next((value for name, value in scope["headers"] if name == b"x-correlation-id"), b"").decode("latin-1")
        fresh = state.get("request_id") or secrets.token_hex(16)
        state[CORRELATION] = given if _SANE.fullmatch(given) else fresh
    return str(state[CORRELATION])


class Safeguard:
    """ASGI middleware around one application."""

    def __init__(self, app: ASGIApp, on_unexpected: Callable[[Exception, Request], Response]) -> None:
        self._app = app
        self._on_unexpected = on_unexpected

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False
        correlation = correlation_id(scope)

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                given = [pair for pair in message.get("headers", ()) if pair[0] != _OURS]
                said = {name for name, _ in given}
                ours = (_OURS, correlation.encode("latin-1"))
                message["headers"] = [*given, *(pair for pair in _RAW if pair[0] not in said), ours]
            await send(message)

        try:
            await self._app(scope, receive, guarded)
        except ClientDisconnect:
            return  # in the middle of its own body; nobody is left to be answered, and nothing went wrong here
        except Exception as error:  # the last line: whatever it is, the caller gets a 500 that says nothing
            if begun:
                raise
            response = self._on_unexpected(error, Request(scope))
            await response(scope, receive, guarded)

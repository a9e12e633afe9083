"""What surrounds every call: a correlation id, headers that browsers obey, and an end to unexpected errors."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, MutableMapping
from functools import cache
from time import perf_counter
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


Called = Callable[[str, str, int, float], None]
"""Hears of a call that was answered: route class, method, status, seconds."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


@cache
def room_of(template: str) -> str:
    """Return the class of a route by its path template: its room, ``agent``, ``auth``, …; few values, never an id."""
    parts = template.strip("/").split("/")
    return parts[2] if parts[:2] == ["api", "v1"] and len(parts) > 2 else parts[0] or "front"  # noqa: PLR2004 - /api/v1/room


def _told(scope: Scope) -> tuple[str, str]:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    return room_of(getattr(scope.get("route"), "path", "/none")), method


class Safeguard:
    """ASGI middleware around one application; ``called`` hears of every call."""

    def __init__(
        self, app: ASGIApp, on_unexpected: Callable[[Exception, Request], Response], called: Called | None = None
    ) -> None:
        self._app = app
        self._on_unexpected = on_unexpected
        self._called = called

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, started = 0, perf_counter()
        correlation = correlation_id(scope)

        async def guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = message["status"]
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
        finally:
            if self._called is not None and begun:
                self._called(*_told(scope), begun, perf_counter() - started)

"""Signing in: the browser does it, and hands a one-time code back to a port of this machine (RFC 8252, RFC 7636).

::

    sslclm ── prints or opens ──▶ {server}/auth/cli?redirect_uri&code_challenge&state ──▶ identity provider
       ▲                                                                                       │
       └── http://127.0.0.1:<port>/callback?code&state ◀── the person's browser ◀──────────────┘

Only the holder of the PKCE verifier can use the code, and only an answer that carries our ``state`` is listened to.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

from api.cli.errors import SignedOut

DEADLINE_S = 300.0
_SILENT_CLIENT_S = 5.0
_PATH = "/callback"
_HEADERS = (
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>SSL-CLM</title><style>'
    ":root{{color-scheme:light dark}}body{{font:18px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;"
    "padding:0 1rem}}</style></head><body><h1>{title}</h1><p>{text}</p></body></html>"
)


@dataclass(frozen=True)
class Attempt:
    """One attempt to sign in: drawn fresh, used once."""

    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def challenge(self) -> str:
        """Return the S256 challenge (RFC 7636 section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def url(self, base: str, redirect_uri: str, **wishes: str) -> str:
        """Return the address that the browser is to open; ``wishes``: provider, step_up, where not empty."""
        asked = {"redirect_uri": redirect_uri, "code_challenge": self.challenge(), "state": self.state}
        return f"{base}/auth/cli?{urlencode(asked | {name: value for name, value in wishes.items() if value})}"

    def code_in(self, query: str) -> str | None:
        """Return the code of a callback's query; None where it does not answer this attempt."""
        try:
            pairs = parse_qsl(query, max_num_fields=10)
        except ValueError:
            return None
        given = dict(pairs)
        ours = len(pairs) == len(given) and hmac.compare_digest(given.get("state", "").encode(), self.state.encode())
        return (given.get("code") or None) if ours else None


class Loopback(HTTPServer):
    """Listens on a free port of 127.0.0.1 for one answer; everything else is turned away and changes nothing."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.attempt = attempt
        self.code = ""

    @property
    def redirect_uri(self) -> str:
        """Where the server is to send the browser."""
        return f"http://127.0.0.1:{self.server_port}{_PATH}"

    def wait(self, deadline_s: float, monotonic: Callable[[], float]) -> str:
        """Return the code. Raises SignedOut after ``deadline_s`` seconds."""
        end = monotonic() + deadline_s
        while not self.code:
            self.timeout = end - monotonic()
            if self.timeout <= 0:
                raise SignedOut(f"nobody signed in within {int(deadline_s)} seconds", fix="run sslclm login again")
            self.handle_request()
        return self.code

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Loopback
    timeout = _SILENT_CLIENT_S

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if parts.path != _PATH or self.headers.get("Host") != f"127.0.0.1:{self.server.server_port}":
            self._answer(404, "Nothing here", "This port waits for one sign-in only.")
            return
        code = self.server.attempt.code_in(parts.query)
        if code is None:
            self._answer(400, "Not this sign-in", "This answer belongs to no sign-in that is waiting here.")
            return
        self.server.code = code
        self._answer(200, "Signed in", "You can close this window and go back to the terminal.")

    def _answer(self, status: int, title: str, text: str) -> None:
        body = _PAGE.format(title=title, text=text).encode()
        self.send_response_only(status)
        for name, value in (*_HEADERS, ("Content-Length", str(len(body))), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing: the query holds the code."""

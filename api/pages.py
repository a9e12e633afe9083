"""The few pages of HTML that the interface itself needs; everything in them is escaped, and no script is allowed."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from fastapi import Response

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:44rem;margin:3rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em;border-radius:.2em}li{margin:.3em 0}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}a{color:#8bf}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_CSP = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def page(title: str, body: str, *, status: int = 200) -> Response:
    """Return a page; ``body`` is HTML that is safe already."""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return Response(text, status, {"Content-Security-Policy": _CSP}, "text/html; charset=utf-8")


def stranger_page(providers: Iterable[str]) -> Response:
    """Return the front page of somebody who is not signed in."""
    links = "".join(
        f'<li><a href="/auth/login?provider={quote(one, safe="")}">sign in with {escape(one)}</a></li>'
        for one in providers
    )
    return page("SSL-CLM", f"<p>Certificates and keys: request, approve, issue, deploy, prove.</p><ul>{links}</ul>")


def front_page(name: str, roles: Iterable[str], csrf_token: str) -> Response:
    """Return the front page of somebody who is signed in."""
    held = ", ".join(escape(one) for one in roles) or "no role: ask an administrator to grant one to your group"
    next_steps = (
        "<ul><li>at the command line: <code>sslclm login</code>, then <code>sslclm orders</code></li>"
        '<li>for programs: <a href="/api/openapi.json">the OpenAPI document</a></li>'
        '<li>what went wrong: <a href="/problems">the problem types</a></li></ul>'
    )
    logout = (
        '<form method="post" action="/auth/logout">'
        f'<input type="hidden" name="csrf_token" value="{escape(csrf_token)}"><button>sign out</button></form>'
    )
    return page("SSL-CLM", f"<p>Signed in as <b>{escape(name)}</b>: {held}.</p>{next_steps}{logout}")


def leaving_page(url: str) -> Response:
    """Return the page after signing out here, which goes on to ``url`` to sign out there."""
    target = escape(url)
    response = page("Signed out of SSL-CLM", f'<p>You are signed out here. <a href="{target}">Go on</a>.</p>')
    response.headers["Refresh"] = f"0; url={url}"
    return response


def problem_page(document: Mapping[str, Any], headers: Mapping[str, str] | None) -> Response:
    """Return a problem document as somebody reads it in a browser."""
    told = {name: escape(str(value)) for name, value in document.items()}
    body = (
        f'<p>{told["detail"]}</p><p>What helps: {told["fix"]}</p><p><a href="/">to the front page</a></p>'
        f"<p><small><code>{told['rule']}</code>, call <code>{told['correlation_id']}</code></small></p>"
    )
    response = page(str(document["title"]), body, status=int(document["status"]))
    response.headers.update(headers or {})
    return response


def problems_page(rules: Iterable[tuple[str, str]]) -> Response:
    """Return the list of problem types, or one of them."""
    items = "".join(
        f'<li><a href="/problems/{quote(rule)}"><code>{escape(rule)}</code></a>: {escape(told)}</li>'
        for rule, told in rules
    )
    return page("SSL-CLM problem types", f"<ul>{items}</ul>")

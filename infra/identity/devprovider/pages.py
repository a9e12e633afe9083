"""The development provider's pages: plain HTML, no script, and loud about what they are."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from starlette.responses import HTMLResponse

from infra.identity.devprovider.personas import Persona

_STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--paper:#f4f5f7;--card:#fff;--line:#d5dae1;--accent:#0b57a4;--warn:#8a4b00}
@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--paper:#12161c;--card:#1b212a;--line:#333d4a;--accent:#7ab8ff;
--warn:#ffcb80}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
.stripe{background:repeating-linear-gradient(45deg,#ffb300 0 18px,#2b2b2b 18px 36px);height:14px}
main{max-width:46rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem;margin:.2rem 0}
.warn{border-left:6px solid #ffb300;background:var(--card);padding:.8rem 1rem;color:var(--warn);font-weight:600}
ul{list-style:none;padding:0;display:grid;gap:.7rem}
li{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.9rem 1rem;display:flex;gap:1rem;
align-items:center;flex-wrap:wrap}li>div{flex:1 1 16rem}small{display:block;opacity:.75}code{font-size:.85em}
button{font:inherit;padding:.5rem .9rem;border-radius:8px;border:1px solid var(--accent);background:var(--accent);
color:var(--card);cursor:pointer}button.plain{background:none;color:var(--accent)}
button:focus-visible{outline:3px solid #ffb300;outline-offset:2px}
"""
_WARNING = "Development identity provider: anybody may sign in as anybody. It exists on this machine only."
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(title: str, body: str, status: int = 200) -> HTMLResponse:
    """Return a whole page; ``body`` is HTML, ``title`` is text."""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} (DEVELOPMENT)</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<div class="stripe" aria-hidden="true"></div><main><p class="warn" role="alert">{_WARNING}</p>'
        f"<h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        _HEADERS,
    )


def choose(personas: Sequence[Persona], *, only_second_factor: bool) -> HTMLResponse:
    """Return the page that lists the personas; its forms post to the address it was asked under."""
    why = "<p>The application asks for a second factor.</p>" if only_second_factor else ""
    items = "".join(_item(persona, only_second_factor=only_second_factor) for persona in personas)
    return page("Who are you today?", f"{why}<ul>{items}</ul>")


def _item(persona: Persona, *, only_second_factor: bool) -> str:
    groups = ", ".join(persona.groups) or "no groups"
    buttons = '<button name="second_factor" value="yes">Sign in with second factor</button>'
    if not only_second_factor:
        buttons += ' <button class="plain" name="second_factor" value="no">Password only</button>'
    return (
        f"<li><div><strong>{escape(persona.name)}</strong><small>{escape(persona.role)}</small>"
        f"<small><code>{escape(groups)}</code></small></div>"
        f'<form method="post"><input type="hidden" name="persona" value="{escape(persona.subject)}">{buttons}</form>'
        "</li>"
    )

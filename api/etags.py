"""Entity tags: whether the caller has already what would be answered."""

from __future__ import annotations

from fastapi import Request


def has_already(request: Request, tag: str) -> bool:
    """Tell whether ``If-None-Match`` names this tag, or any (RFC 9110 section 13.1.2: tags are compared weakly)."""
    given = request.headers.get("if-none-match", "")
    known = {one.strip().removeprefix("W/") for one in given.split(",")}
    return not known.isdisjoint({tag.removeprefix("W/"), "*"})

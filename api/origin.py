"""From where a call comes, as every context keeps it."""

from __future__ import annotations

import re
from typing import TypedDict

from fastapi import Request

from api.safeguard import correlation_id

_NOT_PRINTABLE = re.compile(r"[^ -~]")
_USER_AGENT_MAX = 256


class Origin(TypedDict):
    """Members of ``commands.context.Context``; address and user agent may be personal."""

    correlation_id: str
    client_address: str
    user_agent: str


def origin_of(request: Request) -> Origin:
    """Return where a call comes from; its correlation id is the one that the answer carries, too."""
    return Origin(
        correlation_id=correlation_id(request.scope),
        client_address=request.client.host if request.client else "",
        user_agent=_NOT_PRINTABLE.sub("?", request.headers.get("user-agent", ""))[:_USER_AGENT_MAX],
    )

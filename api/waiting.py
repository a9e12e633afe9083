"""Long-polls: wait for a bell, but not longer than the server lives."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from commands.ports.tasks import Bell


def draining_of(request: Request) -> asyncio.Event | None:
    """Return the event by which the server says that it is about to stop."""
    found = request.scope.get("state", {}).get("draining")
    return found if isinstance(found, asyncio.Event) else None


async def rung_or_draining(bell: Bell, wait: float, draining: asyncio.Event | None) -> None:
    """Return when the bell rings, after ``wait`` seconds, or when the server is about to stop."""
    waits = {asyncio.ensure_future(bell.wait(wait))}
    if draining is not None:
        waits.add(asyncio.ensure_future(draining.wait()))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:  # also where the call itself is cancelled: nothing may wait on for a listener that stops
        for one in waits:
            one.cancel()

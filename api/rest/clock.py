"""The backend's clock: what it shows, and a person's word which time is right."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import Body, Recorded, commanding, reading
from api.openapi import command, read
from commands.continuity.clock import ConfirmClock
from domain.base import rfc3339
from domain.continuity.clock import Cause, Clock, Right

ROUTER = APIRouter(prefix="/api/v1/clock", tags=["continuity"])


class ClockNow(BaseModel):
    """What the machine says and what is believed; ``doubt`` is why they differ, null while the wall is believed."""

    wall: str
    trusted: str
    doubt: Cause | None


class Confirmation(Body):
    """Which time is right, and how you know; the reason is kept where it can be erased."""

    right: Right
    reason: str = Field(min_length=1, max_length=1_000, examples=["compared with the time service by hand"])


@ROUTER.get("", **read(ClockNow))
async def clock_now(request: Request) -> Response:
    """Show the clock."""
    call = await reading(request)
    call.without_parameters()
    times = call.edge.bus.services.gate.times()
    answer = ClockNow(wall=rfc3339(times.wall), trusted=rfc3339(times.trusted), doubt=times.doubt)
    return Response(to_json(answer), media_type="application/json")


@ROUTER.post("/confirm", **command({200: Recorded}, Confirmation))
async def confirm(request: Request) -> Response:
    """Say which time is right while the clock is in doubt; issuing goes on by it at once."""
    call = await commanding(request)
    word = await call.body(Confirmation)
    outcome = await call.execute(ConfirmClock(right=word.right), reason=word.reason)
    return call.recorded(outcome, Clock.the_id())

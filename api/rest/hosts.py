"""Hosts: machines on which an agent runs, and the one-time tokens by which agents enrol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.agent.bootstrap import write_token
from api.calls import POSITION, Body, Call, PageQuery, Recorded, Why, commanding, reading
from api.events import find_event
from api.openapi import command, read
from api.shapes import Shape
from commands.base import Outcome
from commands.hosts.disable import DisableHost
from commands.hosts.make_token import MakeBootstrapToken
from commands.hosts.register import RegisterHost
from commands.ports.presence import Presence
from commands.stored import event_of
from domain.base import Timestamp, rfc3339
from domain.hosts.host import Host
from projections.hosts.hosts import HOSTS, HostFilter, HostRow

ROUTER = APIRouter(prefix="/api/v1/hosts", tags=["hosts"])
TELEMETRY = {
    "last_seen_at": datetime | None,
    "reported_version": str,
    "reported_state": str,
    "reported_detail": str,
}
"""What the agent's last sign of life says; it is not in the ledger, and null or "" where none is known."""
HOST = Shape("Host", HostRow, more=TELEMETRY)


class HostQuery(PageQuery):
    """Which hosts."""

    name: str | None = None
    team: str | None = None
    state: Literal["registered", "enrolled", "disabled"] | None = None
    safe_mode: bool | None = None
    offline: bool | None = None


class TokenWish(Body):
    """For how long an unused bootstrap token is to be good."""

    valid_seconds: int = Field(default=3_600, ge=60, le=7 * 86_400)


class BootstrapToken(BaseModel):
    """A bootstrap token; ``token`` is null where the call was repeated: it is shown once."""

    host_id: str
    token: str | None
    expires: Timestamp
    note: str


@ROUTER.get("", **read(HOST.page))
async def hosts(request: Request, query: Annotated[HostQuery, Query()]) -> Response:
    """List the hosts that you may see, by name."""
    where = HostFilter(
        name=query.name,
        team_id=query.team,
        state=query.state,
        safe_mode=query.safe_mode,
        offline=query.offline,
    )
    call = await reading(request)
    return call.page(HOSTS, where, query, _with_telemetry(call.edge.presence))


@ROUTER.post("", **command({201: Recorded}, RegisterHost))
async def register_host(request: Request) -> Response:
    """Register a host for a team."""
    call = await commanding(request)
    outcome = await call.execute(await call.body(RegisterHost))
    host_id = outcome.id_of("host") or ""
    return call.recorded(outcome, host_id, 201, f"/api/v1/hosts/{host_id}")


@ROUTER.get("/{host_id}", **read(HOST.model, one=True))
async def host(request: Request, host_id: str) -> Response:
    """Show a host."""
    call = await reading(request)
    return await call.show(HOSTS, host_id, _with_telemetry(call.edge.presence))


def _with_telemetry(presence: Presence) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return how a host is shown: its row, and what its agent was last heard to say."""

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        sign = presence.last(row["host_id"])
        told = (rfc3339(sign.at), sign.agent_version, sign.state, sign.detail) if sign else (None, "", "", "")
        return {**HOST(row), **dict(zip(TELEMETRY, told, strict=True))}

    return show


@ROUTER.post("/{host_id}/token", **command({201: BootstrapToken, 200: BootstrapToken}, TokenWish))
async def make_token(request: Request, host_id: str) -> Response:
    """Make a bootstrap token, good for one enrolment; an unused older one is replaced."""
    call = await commanding(request)
    wish = await call.body(TokenWish)
    outcome = await call.execute(MakeBootstrapToken(host_id=host_id, valid_seconds=wish.valid_seconds))
    made = find_event(outcome, Host.BootstrapTokenMade)
    assert made is not None
    token = _token(call, host_id, outcome)
    note = "keep it from others; it is not shown again" if token else "the token was shown once; make a new one"
    answer = BootstrapToken(host_id=host_id, token=token, expires=made.expires, note=note)
    headers = {POSITION: str(call.position(outcome))}
    return Response(answer.model_dump_json(), 201 if token else 200, headers, "application/json")


def _token(call: Call, host_id: str, outcome: Outcome) -> str | None:
    """Return the token that the agent is given; None on a replay, since the secret is told once."""
    if outcome.secret is None:
        return None
    registered = event_of(call.edge.ledger.stream(host_id)[0])
    assert isinstance(registered, Host.Registered)
    return write_token(call.edge, registered.name, outcome.secret)


@ROUTER.post("/{host_id}/disable", **command({200: Recorded}, Why))
async def disable_host(request: Request, host_id: str) -> Response:
    """Disable a host for good; its agent is refused from here on."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(DisableHost(host_id=host_id), reason=why.reason)
    return call.recorded(outcome, host_id)

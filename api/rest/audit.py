"""Audit data: search, an object's history, the ledger's export and its verdict. Every look is itself recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import POSITION, PageQuery, Reading, reading
from api.history import Told, history
from api.objects import ActorNames, ObjectNames
from api.openapi import read
from api.shapes import Shape
from commands.audit.note_reading import NoteReading
from commands.ports.auditing import ChainVerdict
from domain.base import Timestamp
from domain.moments import microseconds
from projections.audit.search import AUDIT, AuditFilter, AuditRow

ROUTER = APIRouter(prefix="/api/v1/audit", tags=["audit"])
EVENT = Shape(
    "AuditEvent", AuditRow, without=frozenset({"approvals", "begins", "granted", "owner"}), more={"actor_name": str}
)
"""``actor_name``: what the erasable directory shows for ``actor`` now, or a machine's name; "" where it is unknown."""
JSON_LINES = "application/jsonl"


class EventQuery(PageQuery):
    """Which events; ``topic`` is a beginning, ``object`` an id, times are the ledger writer's clock."""

    actor: str | None = Field(default=None, max_length=128)
    object: str | None = Field(default=None, max_length=128)
    topic: str | None = Field(default=None, max_length=128)
    correlation: str | None = Field(default=None, max_length=64)
    from_: Timestamp | None = Field(default=None, alias="from")
    to: Timestamp | None = None


class HistoryPage(BaseModel):
    """Some of an object's history, the oldest first."""

    items: list[Told]
    next_cursor: str | None
    position: int


class Verdict(BaseModel):
    """What recomputing the whole chain came to."""

    holds: bool
    entries: int
    events: int
    head: str
    first_bad_position: int | None
    check: str | None
    message: str


async def _looking(request: Request, view: str, object_id: str | None = None) -> Reading:
    """Begin a read of audit data and record it, once in a quarter of an hour for each view and filter."""
    call = await reading(request)
    await call.execute(NoteReading(view=view, filter=str(request.query_params), object_id=object_id))
    return call


@ROUTER.get("/events", **read(EVENT.page))
async def events(request: Request, query: Annotated[EventQuery, Query()]) -> Response:
    """Search the events, the newest first."""
    call = await _looking(request, "events", query.object)
    where = AuditFilter(
        actor=query.actor,
        object_id=query.object,
        topic=query.topic,
        correlation_id=query.correlation,
        from_us=microseconds(query.from_) if query.from_ else None,
        before_us=microseconds(query.to) if query.to else None,
    )
    names = ActorNames(call.edge, ObjectNames(call.edge.views))
    return call.page(AUDIT, where, query, lambda row: EVENT(row) | {"actor_name": names(row["actor"])})


@ROUTER.get("/objects/{object_id}", **read(HistoryPage))
async def object_history(request: Request, object_id: str, query: Annotated[PageQuery, Query()]) -> Response:
    """Tell an object's history: who did what, when, in which role, why, and from where."""
    call = await _looking(request, "object", object_id)
    where = AuditFilter(object_id=object_id, order="oldest")
    found = call.edge.views.find(AUDIT, where, cursor=query.cursor, limit=query.limit)
    told = history(call.edge, found.rows)
    answer = HistoryPage(items=told, next_cursor=found.next_cursor, position=found.position)
    return Response(answer.model_dump_json(), headers={POSITION: str(found.position)}, media_type="application/json")


@ROUTER.get("/export", **read(None, media_type=JSON_LINES))
async def export(request: Request) -> Response:
    """Stream the whole ledger in the public export format, which can be verified without this server."""
    call = await _looking(request, "export")
    call.without_parameters()
    pieces: Iterator[bytes] = call.edge.evidence.export()
    headers = {"Content-Disposition": 'attachment; filename="ledger.jsonl"'}
    return StreamingResponse(pieces, headers=headers, media_type=JSON_LINES)  # Starlette runs the iterator in threads


@ROUTER.get("/verify", **read(Verdict))
async def verify(request: Request) -> Response:
    """Recompute every hash of the ledger. For a verdict that needs no trust in this server, verify an export."""
    call = await _looking(request, "verify")
    call.without_parameters()
    async with request.app.state.verifying:
        verdict: ChainVerdict = await asyncio.to_thread(call.edge.evidence.verify)
    return Response(to_json(asdict(verdict)), media_type="application/json")

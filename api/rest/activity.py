"""What is happening now: new events in words, by long-poll from a position; teams see what concerns them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.accesses import words_of
from api.calls import POSITION, Body, Reading, reading
from api.objects import ActorNames, ObjectNames
from api.openapi import read
from api.shapes import moment
from api.waiting import draining_of, rung_or_draining
from commands.audit.note_reading import NoteReading
from domain.errors import InvalidInput
from projections.audit.meanings import Access
from projections.audit.search import AUDIT, AuditFilter, AuditRow
from projections.query import MAX_LIMIT, Page

ROUTER = APIRouter(prefix="/api/v1/activity", tags=["audit"])
LONGEST_WAIT = 25


class ActivityQuery(Body):
    """From where: events after position ``after``, waiting up to ``wait`` seconds for the first one."""

    after: int | None = Field(default=None, ge=0, lt=10**15, description="default: from now on")
    wait: float = Field(default=0, ge=0, le=LONGEST_WAIT)
    limit: int = Field(default=100, ge=1, le=MAX_LIMIT)


class Happening(BaseModel):
    """One event: ``what`` happened to ``object`` in words, and who did it; ``object_id`` is its stream."""

    position: int
    at: str
    what: str
    object: str
    object_id: str
    actor: str
    actor_name: str
    role: str
    access: Access | None
    rule: str
    topic: str
    correlation_id: str


class Activity(BaseModel):
    """What happened, the oldest first; ask on with ``after`` = ``position``: then nothing is missed or told twice."""

    items: list[Happening]
    position: int


@ROUTER.get("", **read(Activity))
async def activity(request: Request, query: Annotated[ActivityQuery, Query()]) -> Response:
    """Tell what happened after a position: everything, or what concerns your teams."""
    call = await reading(request)
    await call.execute(NoteReading(view="activity", team_id=call.team_ids[0] if call.team_ids else None))
    head = call.edge.ledger.head().position
    after = head if query.after is None else query.after
    if after > head:
        raise InvalidInput(
            f"the ledger ends at position {head}", rule="position-ahead", fix="start again without a position"
        )
    page = await _next(call, after, query, draining_of(request))
    last = page.rows[-1]["position"] if page.next_cursor else max(after, page.position)
    answer = Activity(items=_told(call, page.rows), position=last)
    return Response(answer.model_dump_json(), headers={POSITION: str(last)}, media_type="application/json")


async def _next(call: Reading, after: int, query: ActivityQuery, draining: asyncio.Event | None) -> Page[AuditRow]:
    loop = asyncio.get_running_loop()
    until = loop.time() + query.wait
    where = AuditFilter(order="oldest", from_position=after + 1)
    while True:
        with call.edge.tasks.wakeups.listen(AUDIT.name) as bell:
            page = call.edge.views.find(AUDIT, where, team_ids=call.team_ids, limit=query.limit)
            left = until - loop.time()
            if page.rows or left <= 0 or (draining is not None and draining.is_set()):
                return page
            await rung_or_draining(bell, left, draining)


def _told(call: Reading, rows: tuple[AuditRow, ...]) -> list[Happening]:
    objects = ObjectNames(call.edge.views)
    actors = ActorNames(call.edge, objects)
    return [
        Happening(
            position=row["position"],
            at=moment(row["recorded_at_us"]) or "",
            what=words_of(row["topic"]),
            object=objects.of(row),
            object_id=row["stream_id"],
            actor=row["actor"],
            actor_name=actors(row["actor"]),
            role=row["role"],
            access=row["access"],
            rule=row["rule"],
            topic=row["topic"],
            correlation_id=row["correlation_id"],
        )
        for row in rows
    ]

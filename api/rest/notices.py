"""Notices: what needs a person, and whether those who have to know could be reached."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import POSITION, Body, Reading, reading
from api.openapi import read
from commands.notices.notice import Audience, Notice, Severity
from commands.notices.settling import is_open
from commands.ports.notices import Digest, DigestState, NoticePage
from domain.base import Timestamp, rfc3339
from domain.errors import InvalidInput
from projections.query import MAX_LIMIT

ROUTER = APIRouter(prefix="/api/v1/notices", tags=["notices"])
_LONGEST_CURSOR = 15
_LOOKS = 1_000
"""Notices that one call looks at for those that are open."""


class ToldNotice(BaseModel):
    """One notice; ``command`` is what to type to see more, ``position`` that of the fact in the ledger."""

    notice_id: str
    position: int
    at: Timestamp
    kind: str
    severity: Severity
    audience: list[Audience]
    team_id: str | None
    object_id: str
    sentence: str
    todo: str
    command: str


class NoticesPage(BaseModel):
    """Some notices, the newest first; ``next_cursor`` asks for older ones, null at the end."""

    items: list[ToldNotice]
    next_cursor: str | None
    position: int


class Delivery(BaseModel):
    """One message on its way, or at its end; ``recipient`` is a contact's id or ``operators``, never an address."""

    digest_id: str
    channel: str
    recipient: str
    created_at: Timestamp
    state: DigestState
    attempts: int
    due_at: Timestamp
    problem: str
    count: int


class DeliveriesPage(BaseModel):
    """Some messages, the newest first; ``figures`` counts the notices that wait and the messages by state."""

    items: list[Delivery]
    next_cursor: None
    position: int
    figures: dict[str, int]


class NoticeQuery(Body):
    """Which notices.

    Those that need nobody any more are listed with ``all`` only; those that never did, with ``severity=info``, too.
    """

    kind: str | None = Field(default=None, max_length=64)
    severity: Severity | None = None
    everything: bool = Field(default=False, alias="all")
    cursor: str | None = Field(default=None, max_length=_LONGEST_CURSOR)
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)


class DeliveryQuery(Body):
    """Which messages."""

    state: Literal["waiting", "sent", "given-up"] | None = None
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)


@ROUTER.get("", **read(NoticesPage))
async def notices(request: Request, query: Annotated[NoticeQuery, Query()]) -> Response:
    """List the notices about what you may see, the newest first; by default those that still need somebody."""
    call = await reading(request)
    page = await run_in_threadpool(_page, call, query)
    cursor = None if page.next_before is None else str(page.next_before)
    return _answer(call, {"items": list(map(_notice, page.notices)), "next_cursor": cursor})


@ROUTER.get("/deliveries", **read(DeliveriesPage))
async def deliveries(request: Request, query: Annotated[DeliveryQuery, Query()]) -> Response:
    """List the messages that carry notices: sent, on their way, or given up, and why."""
    call = await reading(request)
    found = await run_in_threadpool(call.edge.notices.deliveries, state=query.state, limit=query.limit)
    figures = await run_in_threadpool(call.edge.notices.figures)
    return _answer(call, {"items": list(map(_delivery, found)), "next_cursor": None, "figures": figures})


def _page(call: Reading, query: NoticeQuery) -> NoticePage:
    """Return a page; what is settled is passed over, of a bounded number at a time: a page may be short, or empty."""
    find = partial(call.edge.notices.find, team_ids=call.team_ids, kind=query.kind, severity=query.severity)
    page = find(before=_before(query.cursor), limit=query.limit)
    if query.everything or query.severity is Severity.INFO:
        return page
    found, looked = list[Notice](), 0
    while True:
        found += [one for one in page.notices if is_open(one, call.edge.ledger)]
        looked += len(page.notices)
        if page.next_before is None or len(found) >= query.limit or looked >= _LOOKS:
            break
        page = find(before=page.next_before, limit=query.limit)
    if len(found) > query.limit:
        return NoticePage(tuple(found[: query.limit]), found[query.limit - 1].position)
    return NoticePage(tuple(found), page.next_before)


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit()):
        raise InvalidInput("not a cursor of this list", rule="cursor", fix="start again without a cursor")
    return int(cursor)


def _answer(call: Reading, content: dict[str, Any]) -> Response:
    position = call.edge.views.position
    return Response(to_json({**content, "position": position}), 200, {POSITION: str(position)}, "application/json")


def _notice(one: Notice) -> dict[str, Any]:
    return {
        "notice_id": one.notice_id,
        "position": one.position,
        "at": rfc3339(one.at),
        "kind": one.kind,
        "severity": one.severity.value,
        "audience": [each.value for each in one.audience],
        "team_id": one.team_id,
        "object_id": one.object_id,
        "sentence": one.sentence,
        "todo": one.todo,
        "command": one.command,
    }


def _delivery(one: Digest) -> dict[str, Any]:
    return {
        "digest_id": one.digest_id,
        "channel": one.channel,
        "recipient": one.recipient,
        "created_at": rfc3339(one.created),
        "state": one.state,
        "attempts": one.attempts,
        "due_at": rfc3339(one.due),
        "problem": one.problem,
        "count": one.count,
    }

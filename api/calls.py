"""One call, from its request to its answer: context, body, command, row, page.

Reads are scoped here and nowhere else: what a principal may see becomes the ``team_ids`` that every question to the
read models carries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from api.edge import Edge
from api.etags import has_already
from api.origin import origin_of
from api.principals import Caller, identify, no_role
from api.problems import BadCall, TooLarge, WrongMediaType, invalid
from api.routes import action_of
from commands.access.permissions import OutOfScope, visible
from commands.access.refusals import Refusals
from commands.base import Append, Command, Outcome, Scope
from commands.context import Context
from domain.errors import ClmError, Denied, InvalidInput
from projections.base import Projection, R
from projections.query import MAX_LIMIT, Filter

POSITION, MIN_POSITION = "Ledger-Position", "Min-Ledger-Position"
BODY_MAX = 1024 * 1024
_KEY = re.compile(r"[ -~]{1,255}")
_TICKET = re.compile(r"[!-~]{1,128}")
_NUMBER = re.compile(r"[0-9]{1,15}")
M = TypeVar("M", bound=BaseModel)
Show = Callable[[Mapping[str, Any]], dict[str, Any]]


class Body(BaseModel):
    """Base of what is sent: unknown members are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Why(Body):
    """An act that needs nothing but, if you like, a reason; it is kept where it can be erased."""

    reason: str = Field(default="", max_length=1_000, examples=["the host was replaced"])


class PageQuery(Body):
    """Which page of a list."""

    cursor: str | None = Field(default=None, max_length=1_024, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=MAX_LIMIT)


class Recorded(BaseModel):
    """What a command came to: which object, and the ledger position of what was recorded."""

    id: str
    position: int


@dataclass(slots=True)
class Call:
    """One authenticated call, or one item of it; ``action`` is what its route needs.

    ``append`` is how an item of a bulk call reaches the ledger, together with the others.
    """

    edge: Edge
    request: Request
    caller: Caller
    context: Context
    action: str
    append: Append | None = field(default=None, kw_only=True)

    async def body(self, model: type[M], *, limit: int = BODY_MAX) -> M:
        """Return the JSON body. Raises WrongMediaType, TooLarge and InvalidInput; an absent one counts as ``{}``."""
        return read_json(model, await read_body(self.request, "application/json", limit) or b"{}")

    async def execute(self, command: Command, *, reason: str = "") -> Outcome:
        """Execute a command in this call's context."""
        context = replace(self.context, reason=reason) if reason else self.context
        return await self.edge.bus.execute(command, context, append=self.append)

    def position(self, outcome: Outcome) -> int:
        """Return the position to answer with: where nothing was left to record, that of what was looked at."""
        return outcome.position or self.edge.ledger.head().position

    def recorded(self, outcome: Outcome, object_id: str, status: int = 200, location: str = "") -> Response:
        """Return the answer of a command."""
        position = self.position(outcome)
        headers = {POSITION: str(position)} | ({"Location": location} if location else {})
        content = Recorded(id=object_id, position=position).model_dump_json()
        return Response(content, status, headers, "application/json")

    async def refused(self, refusal: ClmError, scope: Scope) -> None:
        """Record a refusal that the bus does not get to see."""
        refusals: Refusals = self.request.app.state.refusals
        await refusals.note(self.action, refusal, scope, self.context)


@dataclass(slots=True)
class Reading(Call):
    """One authenticated read, with what its caller may see: ``team_ids`` None is everything."""

    team_ids: tuple[str, ...] | None

    async def get(self, model: Projection[R], key: str) -> R:
        """Return one row; what belongs to others is not there, and asking for it is recorded. Raises NotFound."""
        views = self.edge.views
        row = views.get(model, key, team_ids=self.team_ids)
        if row is not None:
            return row
        refusal = OutOfScope("there is no such object", fix="check the id, and the team you act for")
        if self.team_ids is not None and views.get(model, key) is not None:
            await self.refused(refusal, Scope(object_id=key))
        raise refusal

    async def show(self, model: Projection[R], key: str, show: Show) -> Response:
        """Return one object with a weak ETag (RFC 9110 section 8.8), or 304 where the caller has it already."""
        self.without_parameters()
        row = await self.get(model, key)
        content = to_json(show(row))
        tag = f'W/"{sha256(content).hexdigest()[:32]}"'  # of what is shown: a name in it may be erased behind the row
        headers = {"ETag": tag, POSITION: str(self.edge.views.position), "Cache-Control": "private, no-cache"}
        if has_already(self.request, tag):
            return Response(status_code=304, headers=headers)
        return Response(content, 200, headers, "application/json")

    def without_parameters(self) -> None:
        """Refuse query parameters where there are none, so that nobody believes in one that does nothing."""
        if self.request.query_params:
            names = ", ".join(sorted(name[:64] for name in self.request.query_params))[:256]
            raise InvalidInput(f"{names}: there are no such parameters here", fix="leave them out")

    def page(self, model: Projection[R], where: Filter, query: PageQuery, show: Show) -> Response:
        """Return a page of rows."""
        found = self.edge.views.find(model, where, team_ids=self.team_ids, cursor=query.cursor, limit=query.limit)
        content = {"items": list(map(show, found.rows)), "next_cursor": found.next_cursor, "position": found.position}
        return Response(to_json(content), 200, {POSITION: str(found.position)}, "application/json")


async def commanding(request: Request) -> Call:
    """Begin a call that changes something. Raises what :func:`api.principals.identify` does, and BadCall."""
    call = await _begin(request)
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise BadCall(
            "a command needs an Idempotency-Key header: 1 to 255 printable ASCII characters",
            rule="idempotency-key-missing",
            fix="send a fresh random key with every new command, and the same one when you repeat it",
        )
    # The prefix keeps a caller's key apart from those that the backend derives for its own second steps.
    call.context = replace(call.context, idempotency_key=f"client:{key}")
    return call


async def reading(request: Request) -> Reading:
    """Begin a call that reads, by the right that the table of routes names; waits for ``Min-Ledger-Position``."""
    call = await _begin(request)
    try:
        seen = visible(call.action, call.caller.principal)
    except Denied as refusal:
        await call.refused(refusal, Scope())
        raise
    await _caught_up(call.edge, request)
    team_ids = None if seen.everything else tuple(sorted(seen.teams))
    return Reading(call.edge, request, call.caller, call.context, call.action, team_ids)


async def _begin(request: Request) -> Call:
    """Find out who is calling; somebody without any role is refused here, and that is recorded."""
    edge: Edge = request.app.state.edge
    caller = await identify(edge, request)
    action = action_of(request.method, request.scope["route"].path)
    call = Call(edge, request, caller, _context(request, caller), action)
    if not caller.principal.held:
        refusal = no_role()
        await call.refused(refusal, Scope())
        raise refusal
    return call


async def _caught_up(edge: Edge, request: Request) -> None:
    wanted = request.headers.get(MIN_POSITION)
    if wanted is None:
        return
    if not _NUMBER.fullmatch(wanted):
        raise InvalidInput(f"{MIN_POSITION} is not a position", rule="position", fix="send a Ledger-Position you got")
    await edge.views.wait_for(int(wanted))


def _context(request: Request, caller: Caller) -> Context:
    ticket = request.headers.get("x-ticket", "")
    if ticket and not _TICKET.fullmatch(ticket):
        raise InvalidInput("X-Ticket is not a ticket's name", rule="ticket", fix="1 to 128 visible ASCII characters")
    return Context(caller.principal, ticket=ticket, **origin_of(request))


async def read_body(request: Request, media_type: str, limit: int = BODY_MAX) -> bytes:
    """Return the body, at most ``limit`` bytes. Raises TooLarge, and WrongMediaType for another kind."""
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes", fix="divide it into several calls")
        pieces.append(piece)
    body = b"".join(pieces)
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and given != media_type:
        raise WrongMediaType("the body is of another kind", fix=f"send Content-Type: {media_type}")
    return body


def read_json(model: type[M], body: bytes) -> M:
    """Return a JSON text as ``model``. Raises InvalidInput that names the members."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise _not_as_described(model, error) from None


def read_item(model: type[M], item: object) -> M:
    """Return one item of a JSON text that was read already as ``model``. Raises InvalidInput that names the members."""
    try:
        return model.model_validate(item)
    except ValidationError as error:
        raise _not_as_described(model, error) from None


def _not_as_described(model: type[BaseModel], error: ValidationError) -> InvalidInput:
    return invalid(error.errors(include_input=False, include_url=False), tuple(model.model_fields))

"""One call with many items: each is judged alone and answered alone, and all are recorded in few durable writes.

An item is the same command that a call of its own would give, an entry of its own, under an idempotency key of its own
that derives from the call's key and from what the item says. So a call that was cut off is repeated, whole or in parts:
what is there is answered again, and the rest is done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

from fastapi import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import POSITION, Body, Call, read_item
from api.problems import problem_of
from commands.access.permissions import fitting_roles
from commands.base import Scope
from commands.together import Together, Turns
from domain.errors import AlreadyExists, Denied, Unavailable

MAX_ITEMS = 1_000
BODY_MAX = 8 * 1024 * 1024
"""Bytes: a thousand CSRs of 4 KiB in PEM, and what stands around them."""
CALLS_AT_ONCE = 8
IN_STEP = 128
"""How many items of a call are on their way at once: each step of all of them is one durable write."""

M = TypeVar("M", bound=BaseModel)


class Items(Body):
    """What every bulk call is, before its items are looked at one by one."""

    items: list[Any] = Field(min_length=1, max_length=MAX_ITEMS)


class Counts(BaseModel):
    """How many items were ``done``, ``refused`` (4xx: as they are, they stay refused), and ``failed`` (5xx).

    What failed is done by repeating the call as it was, with the same idempotency key.
    """

    done: int = 0
    refused: int = 0
    failed: int = 0


class Done(NamedTuple):
    """What a call with this one item would answer: its status, its document (JSON), and the ledger position."""

    status: int
    document: bytes
    position: int


class _Told(NamedTuple):
    """One item's answer: its document (JSON) stands in the list as ``member``."""

    status: int
    member: bytes
    document: bytes
    position: int = 0

    def at(self, index: int) -> bytes:
        """Return the item of the list."""
        return b'{"index":%d,"status":%d,"%s":%s}' % (index, self.status, self.member, self.document)


@dataclass(slots=True)
class Bulk:
    """What bulk calls of one process share: the turns that they take, and how many there are."""

    turns: Turns = field(default_factory=Turns)
    running: int = 0


@dataclass(frozen=True, slots=True)
class Kind(Generic[M]):
    """A kind of bulk call.

    ``model``: an item. ``same``: what no two items of a call may have in common, by default all that they say.
    ``do``: executes one item.
    """

    model: type[M]
    do: Callable[[Call, M], Awaitable[Done]]
    same: Callable[[M], str] | None = None


async def in_bulk(call: Call, kind: Kind[M]) -> Response:
    """Execute every item of the call's body. Raises what concerns the call as a whole, before any item is begun."""
    try:
        fitting_roles(call.action, call.caller.principal)  # whoever has no such right at all is told once
    except Denied as refusal:
        await call.refused(refusal, Scope())
        raise
    shared: Bulk = call.request.app.state.bulk
    if shared.running >= CALLS_AT_ONCE:
        raise Unavailable(
            f"{CALLS_AT_ONCE} bulk calls are being worked on", rule="bulk-busy", fix="repeat it in a moment"
        )
    shared.running += 1
    try:
        items = (await call.body(Items, limit=BODY_MAX)).items
        told = await _Work(call, kind, shared.turns).all(items)
    finally:
        shared.running -= 1
    return _response(call, told)


class _Work(Generic[M]):
    """One call on its way."""

    def __init__(self, call: Call, kind: Kind[M], turns: Turns) -> None:
        self._call = call
        self._kind = kind
        self._turns = turns
        self._seen: dict[str, int] = {}

    async def all(self, items: Sequence[object]) -> list[_Told]:
        """Return the answers of all items, in order; where a whole step finds no ledger, the rest is not tried."""
        told: list[_Told] = []
        for first in range(0, len(items), IN_STEP):
            found = await self._in_step(first, items[first : first + IN_STEP])
            told += found
            if all(one.status == HTTPStatus.SERVICE_UNAVAILABLE for one in found):
                return told + found[-1:] * (len(items) - len(told))
        return told

    async def _in_step(self, first: int, items: Sequence[object]) -> list[_Told]:
        together = Together(self._call.edge.ledger.append, self._turns, len(items))
        return await asyncio.gather(*(self._one(together, index, item) for index, item in enumerate(items, first)))

    async def _one(self, together: Together, index: int, item: object) -> _Told:
        """Return one item's answer, whatever happens to it: the others have theirs."""
        try:
            await self._turns.turn()
            wish = read_item(self._kind.model, item)
            said = sha256(wish.model_dump_json().encode()).hexdigest()
            self._not_twice(index, self._kind.same(wish) if self._kind.same else said)
            done = await self._kind.do(self._call_of(together, said), wish)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this item's answer; the unexpected is logged
            document = problem_of(error, self._call.request)
            return _Told(document["status"], b"problem", to_json(document))
        finally:
            together.leave()
        return _Told(done.status, b"answer", done.document, done.position)

    def _not_twice(self, index: int, what: str) -> None:
        before = self._seen.setdefault(what, index)
        if before != index:
            raise AlreadyExists(f"item {before} asks for the same", rule="bulk-duplicate", fix=f"see item {before}")

    def _call_of(self, together: Together, said: str) -> Call:
        key = f"bulk:{said}:{self._call.context.idempotency_key}"
        return replace(self._call, context=replace(self._call.context, idempotency_key=key), append=together.append)


def _response(call: Call, told: Sequence[_Told]) -> Response:
    refused = sum(HTTPStatus.BAD_REQUEST <= one.status < HTTPStatus.INTERNAL_SERVER_ERROR for one in told)
    failed = sum(one.status >= HTTPStatus.INTERNAL_SERVER_ERROR for one in told)
    counts = Counts(done=len(told) - refused - failed, refused=refused, failed=failed).model_dump_json().encode()
    position = max(one.position for one in told) or call.edge.ledger.head().position
    items = b",".join(one.at(index) for index, one in enumerate(told))
    content = b'{"items":[%s],"counts":%s,"position":%d}' % (items, counts, position)
    return Response(content, 200, {POSITION: str(position)}, "application/json")

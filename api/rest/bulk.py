"""Bulk calls: many certificates requested, or revoked, in one call."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.bulk import BODY_MAX, MAX_ITEMS, Counts, Done, Kind, in_bulk
from api.calls import Body, Call, commanding
from api.openapi import Problem, command
from api.rest.orders import OrderAnswer, requested
from api.rest.revocations import Revocation, Revoked, revoked
from commands.certificates.request import RequestCertificate

ORDERS = APIRouter(prefix="/api/v1/orders", tags=["orders"])
CERTIFICATES = APIRouter(prefix="/api/v1/certificates", tags=["certificates"])
LARGER_BODIES = {b"/api/v1/orders/bulk": BODY_MAX, b"/api/v1/certificates/bulk-revoke": BODY_MAX}
"""Path -> bytes: what the listener lets through here and nowhere else."""


class RevocationItem(Revocation):
    """One certificate, and what is wanted of it."""

    certificate_id: str = Field(max_length=128)


class OrderBatch(Body):
    """Requests, each as a call of its own would send it."""

    items: tuple[RequestCertificate, ...] = Field(min_length=1, max_length=MAX_ITEMS)


class RevocationBatch(Body):
    """Revocations, each as a call of its own would send it, with the certificate that it is about."""

    items: tuple[RevocationItem, ...] = Field(min_length=1, max_length=MAX_ITEMS)


class _Item(BaseModel):
    """What became of the item at ``index`` (from 0): ``status`` and document are those of a call of its own."""

    index: int
    status: int
    problem: Problem | None = None


class OrderItem(_Item):
    """Either ``answer`` or ``problem``."""

    answer: OrderAnswer | None = None


class RevokedItem(_Item):
    """Either ``answer`` or ``problem``."""

    answer: Revoked | None = None


class _BatchAnswer(BaseModel):
    """One answer for each item, in their order. ``position``: that of the last thing recorded."""

    counts: Counts
    position: int


class OrderBatchAnswer(_BatchAnswer):
    """What became of each request."""

    items: list[OrderItem]


class RevocationBatchAnswer(_BatchAnswer):
    """What became of each revocation."""

    items: list[RevokedItem]


@ORDERS.post("/bulk", **command({200: OrderBatchAnswer}, OrderBatch))
async def request_many(request: Request) -> Response:
    """Order up to 1,000 certificates: each item is judged, recorded and answered as a call of its own would be."""
    return await in_bulk(await commanding(request), _REQUESTS)


@CERTIFICATES.post("/bulk-revoke", **command({200: RevocationBatchAnswer}, RevocationBatch))
async def revoke_many(request: Request) -> Response:
    """Revoke up to 1,000 certificates: each item is judged, recorded and answered as a call of its own would be."""
    return await in_bulk(await commanding(request), _REVOCATIONS)


async def _request(call: Call, wish: RequestCertificate) -> Done:
    outcome, answer = await requested(call, wish)
    return Done(answer.status, answer.model_dump_json(exclude_none=True).encode(), call.position(outcome))


async def _revoke(call: Call, wish: RevocationItem) -> Done:
    answer = await revoked(call, wish.certificate_id, wish)
    return Done(200, answer.model_dump_json().encode(), answer.position)


_REQUESTS = Kind(RequestCertificate, _request)
_REVOCATIONS = Kind(RevocationItem, _revoke, same=lambda wish: wish.certificate_id)

"""Orders: somebody wants a certificate; policy or people decide. ``POST /orders`` is the hot path and stays lean."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.calls import POSITION, Body, Call, PageQuery, Recorded, Show, Why, commanding, reading
from api.events import find_event
from api.openapi import command, read
from api.pem import pem_from_base64, pem_from_der
from api.shapes import Shape
from commands.base import Outcome
from commands.certificates.approve import ApproveOrder
from commands.certificates.cancel import CancelOrder
from commands.certificates.reject import RejectOrder
from commands.certificates.request import RequestCertificate
from commands.certificates.resume import ResumeOrder
from domain.base import Timestamp
from domain.certificates.certificate import Certificate
from domain.certificates.decision import State
from domain.certificates.order import Order
from projections.certificates.orders import ORDERS, OrderFilter, OrderRow

ROUTER = APIRouter(prefix="/api/v1/orders", tags=["orders"])
LEAN = APIRouter(prefix="/api/v1/orders", tags=["orders"])
"""The hot path: matched first, and served without the framework's wrapping, which it has no use for."""
NAMES = {"requester_name": str, "approver_names": list[str]}
"""Who stands behind ``requester`` and ``approvers``, in their order; "" where the erasable directory knows nobody."""
ORDER = Shape("Order", OrderRow, without=frozenset({"deployment_ids"}), more=NAMES)


class OrderQuery(PageQuery):
    """Which orders; ``mine``: those that you requested."""

    state: State | None = None
    team: str | None = None
    profile: str | None = None
    host: str | None = None
    mine: bool = False


class OrderAnswer(BaseModel):
    """How far a call has brought an order; from ``certificate_id`` on only where a certificate was issued in it.

    ``certificate`` and ``chain`` are PEM, ``chain`` without the root; ``serial`` is lower-case hex.
    """

    order_id: str
    state: State
    certificate_id: str | None = None
    serial: str | None = None
    not_after: Timestamp | None = None
    certificate: str | None = None
    chain: list[str] | None = None

    @property
    def status(self) -> int:
        """The status of a request with this answer: 201 with a certificate, else 202."""
        return 201 if self.certificate else 202


class Approval(Body):
    """What is approved: ``request_sha256`` as the order shows it."""

    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Rejection(Body):
    """Why not."""

    reason: str = Field(min_length=1, max_length=1_000, examples=["the name belongs to another service"])


@ROUTER.get("", **read(ORDER.page))
async def orders(request: Request, query: Annotated[OrderQuery, Query()]) -> Response:
    """List the orders that you may see, the newest first."""
    call = await reading(request)
    requester = call.caller.principal.pseudonym if query.mine else None
    where = OrderFilter(
        state=query.state, team_id=query.team, profile_id=query.profile, host_id=query.host, requester=requester
    )
    return call.page(ORDERS, where, query, _with_names(call))


@LEAN.post("", **command({201: OrderAnswer, 202: OrderAnswer}, RequestCertificate))
async def request_certificate(request: Request) -> Response:
    """Order a certificate: issued in this call (201), or waiting for people or for the hosts' keys (202)."""
    call = await commanding(request)
    outcome, answer = await requested(call, await call.body(RequestCertificate))
    return _response(call, outcome, answer, answer.status, f"/api/v1/orders/{answer.order_id}")


async def requested(call: Call, wish: RequestCertificate) -> tuple[Outcome, OrderAnswer]:
    """Execute a request; returns what came of it and what is answered."""
    outcome = await call.execute(wish)
    return outcome, _answer(call, outcome, outcome.id_of("order") or "")


@ROUTER.get("/{order_id}", **read(ORDER.model, one=True))
async def order(request: Request, order_id: str) -> Response:
    """Show an order."""
    call = await reading(request)
    return await call.show(ORDERS, order_id, _with_names(call))


@ROUTER.post("/{order_id}/approve", **command({200: OrderAnswer}, Approval))
async def approve(request: Request, order_id: str) -> Response:
    """Approve exactly what you read; never your own request."""
    call = await commanding(request)
    seen = await call.body(Approval)
    outcome = await call.execute(ApproveOrder(order_id=order_id, request_sha256=seen.request_sha256))
    return _response(call, outcome, _answer(call, outcome, order_id), 200)


@ROUTER.post("/{order_id}/reject", **command({200: Recorded}, Rejection))
async def reject(request: Request, order_id: str) -> Response:
    """Reject a waiting order, with a reason."""
    call = await commanding(request)
    why = await call.body(Rejection)
    return call.recorded(await call.execute(RejectOrder(order_id=order_id), reason=why.reason), order_id)


@ROUTER.post("/{order_id}/cancel", **command({200: Recorded}, Why))
async def cancel(request: Request, order_id: str) -> Response:
    """Cancel an order while nothing is issued under it."""
    call = await commanding(request)
    why = await call.body(Why)
    return call.recorded(await call.execute(CancelOrder(order_id=order_id), reason=why.reason), order_id)


@ROUTER.post("/{order_id}/resume", **command({200: OrderAnswer}, Why))
async def resume(request: Request, order_id: str) -> Response:
    """Certify the brought CSR once more, after an issuance that ended without a certificate."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(ResumeOrder(order_id=order_id), reason=why.reason)
    return _response(call, outcome, _answer(call, outcome, order_id), 200)


def _with_names(call: Call) -> Show:
    """Return how an order is shown in this call; each pseudonym is looked up once."""

    @cache
    def name(pseudonym: str) -> str:
        known = call.edge.identity.directory.known(pseudonym)
        return known.display_name if known else ""

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        names = {"requester_name": name(row["requester"]), "approver_names": list(map(name, row["approvers"]))}
        return ORDER(row) | names

    return show


def _answer(call: Call, outcome: Outcome, order_id: str) -> OrderAnswer:
    issued = find_event(outcome, Certificate.Issued)
    started = find_event(outcome, Certificate.IssuanceStarted)
    if issued is None or started is None:
        approved = find_event(outcome, Order.Approved) or started
        return OrderAnswer(order_id=order_id, state="approved" if approved else "waiting")
    return OrderAnswer(
        order_id=order_id,
        state="fulfilled" if find_event(outcome, Order.Fulfilled) else "approved",
        certificate_id=started.originator_id,
        serial=started.serial,
        not_after=started.not_after,
        certificate=pem_from_base64(issued.certificate),
        chain=[pem_from_der(der) for der in call.edge.issuers.chain(started.issuer_id)[:-1]],
    )


def _response(call: Call, outcome: Outcome, answer: OrderAnswer, status: int, location: str = "") -> Response:
    headers = {POSITION: str(call.position(outcome))} | ({"Location": location} if location else {})
    return Response(answer.model_dump_json(exclude_none=True), status, headers, "application/json")

"""Renewals: which certificate is renewed when, how far that has come, and a person's wish to have it now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.calls import POSITION, Body, PageQuery, commanding, reading
from api.events import find_event
from api.openapi import command, read
from api.shapes import Shape
from commands.certificates.renew import RenewCertificate
from domain.base import Timestamp
from domain.certificates.decision import State as OrderState
from domain.certificates.order import Order
from domain.certificates.renewal import State
from domain.moments import microseconds
from projections.certificates.inventory import INVENTORY
from projections.certificates.renewals import RENEWALS, RenewalFilter, RenewalRow

ROUTER = APIRouter(prefix="/api/v1", tags=["certificates"])
RENEWAL = Shape(
    "Renewal", RenewalRow, without=frozenset({"wake_us"}), more={"dns_names": list[str], "ip_addresses": list[str]}
)


class RenewalQuery(PageQuery):
    """Which renewals; ``level``: escalated so far or further (1 to 4; 4 is a certificate that has ended)."""

    team: str | None = None
    state: State | None = None
    due_before: Timestamp | None = None
    level: int | None = Field(default=None, ge=1, le=4)
    certificate: str | None = None
    open: bool = Field(default=False, description="only what is still to come, or to be watched")


class RenewalAnswer(BaseModel):
    """The order by which the certificate is to be replaced: approved by policy, or waiting for a person."""

    certificate_id: str
    order_id: str
    state: OrderState
    position: int


class RenewalWish(Body):
    """``together``: the other certificates of the same order, too, one host after another, the first as canary."""

    together: bool = False
    reason: str = Field(default="", max_length=1_000, examples=["the service was moved"])


@ROUTER.get("/renewals", **read(RENEWAL.page))
async def renewals(request: Request, query: Annotated[RenewalQuery, Query()]) -> Response:
    """List the renewals that you may see, what is due next first."""
    call = await reading(request)
    where = RenewalFilter(
        team_id=query.team,
        state=query.state,
        due_before_us=microseconds(query.due_before) if query.due_before else None,
        level_from=query.level,
        certificate_id=query.certificate,
        is_open=True if query.open else None,
    )

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        known = call.edge.views.get(INVENTORY, row["certificate_id"])
        names = {name: known[name] if known else [] for name in ("dns_names", "ip_addresses")}
        return RENEWAL(row) | names

    return call.page(RENEWALS, where, query, show)


@ROUTER.post("/certificates/{certificate_id}/renew", **command({202: RenewalAnswer}, RenewalWish))
async def renew(request: Request, certificate_id: str) -> Response:
    """Renew a certificate now: same names, same places, a new key, decided by the policy of today."""
    call = await commanding(request)
    wish = await call.body(RenewalWish)
    renewal = RenewCertificate(certificate_id=certificate_id, together=wish.together)
    outcome = await call.execute(renewal, reason=wish.reason)
    order_id = outcome.id_of("order") or ""
    state: OrderState = "approved" if find_event(outcome, Order.Approved) else "waiting"
    position = call.position(outcome)
    answer = RenewalAnswer(certificate_id=certificate_id, order_id=order_id, state=state, position=position)
    headers = {POSITION: str(position), "Location": f"/api/v1/orders/{order_id}"}
    return Response(answer.model_dump_json(), 202, headers, "application/json")

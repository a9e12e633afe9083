"""Revoking certificates: now, or as soon as another one has taken their place."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import POSITION, Body, Call, Recorded, Why, commanding
from api.events import events_of, find_event
from api.openapi import command
from commands.base import Outcome
from commands.certificates.call_off_revocation import CallOffRevocation
from commands.certificates.revoke import RevokeCertificate
from domain.base import Timestamp
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.hosts.deployment import Deployment
from domain.moments import microseconds
from projections.certificates.inventory import INVENTORY, InventoryFilter
from projections.query import every

ROUTER = APIRouter(prefix="/api/v1/certificates", tags=["certificates"])
_IN_FORCE = frozenset({"issued", "superseded"})


class Revocation(Body):
    """What is wanted.

    ``revocation_reason`` goes into the CRL (RFC 5280 section 5.3.1), ``reason`` into the erasable details. ``replace``
    first: revoked once a replacement serves everywhere, and at the latest ``within`` seconds (by default, and at most:
    24 hours for keyCompromise, else 5 days). ``invalidity_date``: since when the key is known or suspected to be
    compromised. ``remove``: also disable the site; left out = where nothing replaces the certificate.
    """

    revocation_reason: str = Field(default="unspecified", max_length=64, examples=["keyCompromise"])
    reason: str = Field(default="", max_length=1_000, examples=["the host was stolen"])
    replace: Literal["first", "no"] = "no"
    within: int | None = Field(default=None, ge=0, le=30 * 86_400, examples=[7_200])
    invalidity_date: Timestamp | None = None
    remove: bool | None = None


class Place(BaseModel):
    """What becomes of the certificate in one place: ``detail`` says why it cannot be taken out of service there."""

    deployment_id: str
    state: Literal["withdrawn", "removing", "removal-refused"]
    detail: str = ""


class Revoked(Recorded):
    """``planned``: it is good until ``order_id`` has replaced it, and ``at_latest`` then. ``revoked``: for good.

    ``waits_for_people``: the replacing order is not approved by policy. ``same_key``: where the key is compromised, the
    other certificates in force that certify it: revoke them, too.
    """

    state: Literal["revoked", "planned"]
    at_latest: Timestamp | None = None
    order_id: str | None = None
    waits_for_people: bool = False
    places: tuple[Place, ...] = ()
    same_key: tuple[str, ...] = ()


@ROUTER.post("/{certificate_id}/revoke", **command({200: Revoked}, Revocation))
async def revoke(request: Request, certificate_id: str) -> Response:
    """Revoke a certificate for good, or replace it first; the next CRL, within seconds, says so."""
    call = await commanding(request)
    answer = await revoked(call, certificate_id, await call.body(Revocation))
    return Response(to_json(answer), 200, {POSITION: str(answer.position)}, "application/json")


async def revoked(call: Call, certificate_id: str, why: Revocation) -> Revoked:
    """Execute a revocation; returns what is answered."""
    wish = RevokeCertificate(certificate_id=certificate_id, **why.model_dump(exclude={"reason", "certificate_id"}))
    outcome = await call.execute(wish, reason=why.reason)
    plan, position = find_event(outcome, Certificate.RevocationPlanned), call.position(outcome)
    return Revoked(
        id=certificate_id,
        position=position,
        state="planned" if plan else "revoked",
        at_latest=plan.at_latest if plan else None,
        order_id=plan.order_id if plan else None,
        waits_for_people=bool(find_event(outcome, Order.Requested) and not find_event(outcome, Order.Approved)),
        places=_places(outcome),
        same_key=_same_key(call, certificate_id) if why.revocation_reason == "keyCompromise" else (),
    )


@ROUTER.post("/{certificate_id}/call-off-revocation", **command({200: Recorded}, Why))
async def call_off(request: Request, certificate_id: str) -> Response:
    """Call a planned revocation off; not one for a compromised key. What was ordered to replace it goes on."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(CallOffRevocation(certificate_id=certificate_id), reason=why.reason)
    return call.recorded(outcome, certificate_id)


def _same_key(call: Call, certificate_id: str) -> tuple[str, ...]:
    """Return the other certificates in force of the same team and key."""
    row = call.edge.views.get(INVENTORY, certificate_id)
    if row is None:
        return ()
    where = InventoryFilter(spki_sha256=row["spki_sha256"], team_id=row["team_id"])
    now = microseconds(call.edge.clock())
    return tuple(
        one["certificate_id"]
        for one in every(call.edge.views, INVENTORY, where)
        if one["certificate_id"] != certificate_id and one["state"] in _IN_FORCE and one["not_after_us"] > now
    )


def _places(outcome: Outcome) -> tuple[Place, ...]:
    """Return what was decided of each deployment, as it stood at the end of the call."""
    places = {}
    for stream_id, event in events_of(outcome):
        if isinstance(event, Deployment.Withdrawn):
            places[stream_id] = Place(deployment_id=stream_id, state="withdrawn")
        elif isinstance(event, Deployment.RemovalPlanned):
            places[stream_id] = Place(deployment_id=stream_id, state="removing")
        elif isinstance(event, Deployment.RemovalRefused):
            places[stream_id] = Place(deployment_id=stream_id, state="removal-refused", detail=event.detail)
    return tuple(places.values())

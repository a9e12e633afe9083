"""Transfers: certificates that are offered from team to team."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.calls import Body, PageQuery, Recorded, Why, commanding, reading
from api.history import PeopleNames
from api.objects import ObjectNames
from api.openapi import command, read
from api.shapes import Shape
from commands.certificates.transfer import (
    AcceptOwnership,
    OfferOwnership,
    RefuseOwnership,
    TransferCommand,
    WithdrawOffer,
)
from domain.access.team import Team
from domain.errors import InvalidInput
from domain.moments import microseconds
from projections.certificates.transfers import TRANSFERS, TransferFilter, TransferRow

ROUTER = APIRouter(prefix="/api/v1", tags=["transfers"])
NAMES = {"team_name": str, "to_team_name": str, "offered_by_name": str}
"""Names of both sides, which neither may be able to look up, and of who offers ("" where it is known no more)."""
TRANSFER = Shape("Transfer", TransferRow, more=NAMES)


class TransferQuery(PageQuery):
    """Which offers; those that are open unless ``every``."""

    to: str | None = Field(default=None, description="id of the receiving team")
    every: bool = False


class Offer(Body):
    """To whom: a team's id or name. Names are taken as they are, whether or not you may see that team."""

    team_id: str | None = Field(default=None, max_length=128)
    team: str | None = Field(default=None, max_length=64, pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", examples=["pay"])
    reason: str = Field(default="", max_length=1_000)


@ROUTER.get("/transfers", **read(TRANSFER.page))
async def transfers(request: Request, query: Annotated[TransferQuery, Query()]) -> Response:
    """List what your teams offer and what is offered to them, the newest first."""
    call = await reading(request)
    now = None if query.every else microseconds(call.edge.clock())
    where = TransferFilter(state=None if query.every else "open", to_team_id=query.to, valid_from_us=now)
    objects, people = ObjectNames(call.edge.views), PeopleNames(call.edge)

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        return TRANSFER(row) | {
            "team_name": objects.name(row["team_id"]),
            "to_team_name": objects.name(row["to_team_id"]) if row["to_team_id"] else "",
            "offered_by_name": people(row["offered_by"]),
        }

    return call.page(TRANSFERS, where, query, show)


@ROUTER.post("/certificates/{certificate_id}/transfer/offer", **command({200: Recorded}, Offer))
async def offer(request: Request, certificate_id: str) -> Response:
    """Offer a certificate to another team; it stays with its owner until somebody there agrees, within 7 days."""
    call = await commanding(request)
    wish = await call.body(Offer)
    if (wish.team_id is None) == (wish.team is None):
        raise InvalidInput("name the team by its id or by its name", rule="transfer-to", fix="give one of the two")
    team_id = wish.team_id or Team.id_for(wish.team or "")
    outcome = await call.execute(OfferOwnership(certificate_id=certificate_id, team_id=team_id), reason=wish.reason)
    return call.recorded(outcome, certificate_id)


@ROUTER.post("/certificates/{certificate_id}/transfer/withdraw", **command({200: Recorded}, Why))
async def withdraw(request: Request, certificate_id: str) -> Response:
    """Take an open offer back."""
    return await _answer(request, WithdrawOffer(certificate_id=certificate_id))


@ROUTER.post("/certificates/{certificate_id}/transfer/accept", **command({200: Recorded}, Why))
async def accept(request: Request, certificate_id: str) -> Response:
    """Agree for the receiving team: certificate and key are theirs from here on, and the former owner's no more."""
    return await _answer(request, AcceptOwnership(certificate_id=certificate_id))


@ROUTER.post("/certificates/{certificate_id}/transfer/refuse", **command({200: Recorded}, Why))
async def refuse(request: Request, certificate_id: str) -> Response:
    """Say for the receiving team that it does not want the certificate."""
    return await _answer(request, RefuseOwnership(certificate_id=certificate_id))


async def _answer(request: Request, wish: TransferCommand) -> Response:
    call = await commanding(request)
    why = await call.body(Why)
    return call.recorded(await call.execute(wish, reason=why.reason), wish.certificate_id)

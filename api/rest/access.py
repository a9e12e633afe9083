"""Who: the caller themselves, teams, grants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import POSITION, Body, PageQuery, Reading, Recorded, Show, Why, commanding, reading
from api.edge import Edge
from api.openapi import command, read
from api.shapes import Shape
from commands.access.create_team import CreateTeam
from commands.access.give_grant import GiveGrant
from commands.access.name_contact import MAX_ADDRESS, name_contact
from commands.access.withdraw_grant import WithdrawGrant
from domain.access.grant import GrantedRole, SubjectKind
from domain.access.team import Team
from domain.base import Timestamp, rfc3339
from domain.moments import microseconds, moment_of
from projections.access.emergencies import EMERGENCIES, EmergencyFilter
from projections.access.grants import GRANTS, GrantFilter, GrantRow
from projections.access.teams import TEAMS, TeamFilter, TeamRow

ROUTER = APIRouter(prefix="/api/v1", tags=["access"])
TEAM, GRANT = Shape("Team", TeamRow, more={"contact": str}), Shape("Grant", GrantRow)


class Contact(Body):
    """Whom to write to about what a team owns: one mail address, kept where it can be erased."""

    address: str = Field(max_length=MAX_ADDRESS, examples=["certificates@shop.example"])
    reason: str = Field(default="", max_length=1_000)


class HeldRole(BaseModel):
    """A role; ``team_id`` is null where it is held globally."""

    role: str
    team_id: str | None


class OpenEmergency(BaseModel):
    """An identity provider whose expired TLS certificate is believed until then."""

    provider: str
    until: Timestamp


class Me(BaseModel):
    """Who is calling, as the backend sees them; ``roles`` are those that count now.

    ``emergencies``: an emergency that is open concerns everybody who signs in, so everybody is told.
    """

    pseudonym: str
    kind: str
    display_name: str
    mfa: bool
    session_expires_at: str | None
    csrf_token: str | None
    roles: list[HeldRole]
    emergencies: list[OpenEmergency]


class TeamQuery(PageQuery):
    """Which teams; ``kept``: somebody holds it and it has a contact, or not."""

    name: str | None = None
    kept: bool | None = None


class GrantQuery(PageQuery):
    """Which grants."""

    provider: str | None = None
    subject_kind: SubjectKind | None = None
    subject: str | None = None
    role: GrantedRole | None = None
    team: str | None = None
    in_force: bool | None = None


@ROUTER.get("/me", **read(Me))
async def me(request: Request) -> Response:
    """Tell who is calling; a browser gets its CSRF token here."""
    call = await reading(request)
    call.without_parameters()
    principal, session = call.caller.principal, call.caller.session
    known = call.edge.identity.directory.known(principal.pseudonym)
    answer = Me(
        pseudonym=principal.pseudonym,
        kind=principal.kind,
        display_name=session.signed_in.display_name if session else known.display_name if known else "",
        mfa=principal.authentication.mfa,
        session_expires_at=rfc3339(session.expires_at) if session else None,
        csrf_token=session.csrf_token if session and session.kind == "browser" else None,
        roles=[HeldRole(role=held.role, team_id=held.team) for held in principal.held],
        emergencies=_emergencies(call.edge),
    )
    return Response(to_json(answer), headers={POSITION: str(call.edge.views.position)}, media_type="application/json")


def _emergencies(edge: Edge) -> list[OpenEmergency]:
    where = EmergencyFilter(open=True, until_from_us=microseconds(edge.clock()) + 1)
    rows = edge.views.find(EMERGENCIES, where).rows
    return [OpenEmergency(provider=row["provider"], until=moment_of(row["until_us"])) for row in rows]


@ROUTER.get("/teams", **read(TEAM.page))
async def teams(request: Request, query: Annotated[TeamQuery, Query()]) -> Response:
    """List the teams that you may see, with whom to write to."""
    call = await reading(request)
    return call.page(TEAMS, TeamFilter(name=query.name, kept=query.kept), query, _with_contact(call))


@ROUTER.post("/teams", **command({201: Recorded}, CreateTeam))
async def create_team(request: Request) -> Response:
    """Create a team."""
    call = await commanding(request)
    wish = await call.body(CreateTeam)
    outcome = await call.execute(wish)
    team_id = Team.id_for(wish.name)
    return call.recorded(outcome, team_id, 201, f"/api/v1/teams/{team_id}")


@ROUTER.get("/teams/{team_id}", **read(TEAM.model, one=True))
async def team(request: Request, team_id: str) -> Response:
    """Show a team."""
    call = await reading(request)
    return await call.show(TEAMS, team_id, _with_contact(call))


def _with_contact(call: Reading) -> Show:
    """Return how a team is shown: its contact is looked up where it can be erased."""
    contacts = call.edge.identity.contacts

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        return {**TEAM(row), "contact": contacts.address(row["contact_id"]) if row["contact_id"] else ""}

    return show


@ROUTER.post("/teams/{team_id}/contact", **command({200: Recorded}, Contact))
async def contact(request: Request, team_id: str) -> Response:
    """Name a team's contact; the address before it is forgotten."""
    call = await commanding(request)
    wish = await call.body(Contact)
    context = replace(call.context, reason=wish.reason)
    outcome = await name_contact(call.edge.bus, call.edge.identity.contacts, team_id, wish.address, context)
    return call.recorded(outcome, team_id)


@ROUTER.get("/grants", **read(GRANT.page))
async def grants(request: Request, query: Annotated[GrantQuery, Query()]) -> Response:
    """List grants, the newest first."""
    asked = query.model_dump(exclude={"cursor", "limit", "team"})
    return (await reading(request)).page(GRANTS, GrantFilter(team_id=query.team, **asked), query, GRANT)


@ROUTER.post("/grants", **command({201: Recorded}, GiveGrant))
async def give_grant(request: Request) -> Response:
    """Grant a role to a group of an identity provider or to a machine client."""
    call = await commanding(request)
    outcome = await call.execute(await call.body(GiveGrant))
    return call.recorded(outcome, outcome.id_of("grant") or "", 201)


@ROUTER.post("/grants/{grant_id}/withdraw", **command({200: Recorded}, Why))
async def withdraw_grant(request: Request, grant_id: str) -> Response:
    """Withdraw a grant; it counts from the next request on."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(WithdrawGrant(grant_id=grant_id), reason=why.reason)
    return call.recorded(outcome, grant_id)

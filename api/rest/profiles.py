"""Profiles: what may be issued, for whom, and who approves."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api.calls import PageQuery, Reading, Recorded, Why, commanding, reading
from api.events import find_event
from api.openapi import command, read
from api.shapes import Shape
from commands.profiles.define import DefineProfile
from commands.profiles.retire import RetireProfile
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec
from projections.profiles.profiles import PROFILES, ProfileFilter, ProfileRow

ROUTER = APIRouter(prefix="/api/v1/profiles", tags=["profiles"])
PROFILE = Shape("Profile", ProfileRow)


class ProfileQuery(PageQuery):
    """Which profiles; ``team``: those that this team may use."""

    name: str | None = None
    state: Literal["in-force", "retired"] | None = None
    issuer: str | None = None
    team: str | None = None


@ROUTER.get("", **read(PROFILE.page))
async def profiles(request: Request, query: Annotated[ProfileQuery, Query()]) -> Response:
    """List the profiles that you may see."""
    call = await reading(request)
    hidden = call.team_ids is not None and query.team not in (None, *call.team_ids)
    team = "" if hidden else query.team  # what another team may use is not to be found out by asking
    where = ProfileFilter(name=query.name, state=query.state, issuer_id=query.issuer, team_id=team)
    return call.page(PROFILES, where, query, partial(_show, call))


@ROUTER.post("", **command({201: Recorded, 200: Recorded}, ProfileSpec))
async def define_profile(request: Request) -> Response:
    """Define the profile of this name (201), or give it its next version (200)."""
    call = await commanding(request)
    spec = await call.body(ProfileSpec)
    outcome = await call.execute(DefineProfile(spec=spec))
    made = find_event(outcome, Profile.Defined) is not None
    profile_id = Profile.id_for(spec.name)
    return call.recorded(outcome, profile_id, 201 if made else 200, f"/api/v1/profiles/{profile_id}" if made else "")


@ROUTER.get("/{profile_id}", **read(PROFILE.model, one=True))
async def profile(request: Request, profile_id: str) -> Response:
    """Show a profile with its present content."""
    call = await reading(request)
    return await call.show(PROFILES, profile_id, partial(_show, call))


def _show(call: Reading, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a profile as its caller may see it: of its teams only those that they may know of."""
    shown = PROFILE(row)
    if call.team_ids is not None:
        known = [team for team in row["teams"] if team in call.team_ids]
        shown |= {"teams": known, "spec": {**row["spec"], "teams": known}}
    return shown


@ROUTER.post("/{profile_id}/retire", **command({200: Recorded}, Why))
async def retire_profile(request: Request, profile_id: str) -> Response:
    """Retire a profile; what was issued by it stays as it is."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(RetireProfile(profile_id=profile_id), reason=why.reason)
    return call.recorded(outcome, profile_id)

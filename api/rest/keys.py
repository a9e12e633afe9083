"""Keys and reveals: where private keys live, and the one way in which a person gets to see one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.calls import POSITION, Body, Call, PageQuery, Recorded, Show, commanding, reading
from api.history import PeopleNames, reason_at
from api.openapi import command, read
from api.principals import reconfirmed
from api.shapes import Shape
from commands.keys.decide_reveal import ApproveReveal, RejectReveal
from commands.keys.redeem import RedeemReveal, reveal_key
from commands.keys.request_reveal import RequestReveal
from domain.base import Timestamp
from domain.keys.key import Made
from domain.keys.reveal import Form, State, act_of
from projections.access.teams import TEAMS
from projections.certificates.inventory import INVENTORY
from projections.keys.keys import KEYS, KeyFilter, KeyRow
from projections.keys.reveals import REVEALS, RevealFilter, RevealRow

ROUTER = APIRouter(prefix="/api/v1", tags=["keys"])
KEY = Shape("Key", KeyRow, without=frozenset({"stored_as"}))
NAMES = {
    "requester_name": str, "approver_name": str, "team_name": str, "dns_names": list[str], "ip_addresses": list[str],
}  # fmt: skip
"""Names behind the ids: of people ("" where the erasable directory knows nobody), the team and the certificate."""
LISTED_REVEAL = Shape("ListedReveal", RevealRow, more=NAMES)
REVEAL = Shape("Reveal", RevealRow, more={**NAMES, "reason": str, "reason_erased": bool})
"""One reveal also says why it was requested, to whoever may read it: a second person cannot judge without."""


class KeyQuery(PageQuery):
    """Which keys; ``held``: the key store has a copy; ``seen``: a person has the key, or may have it."""

    team: str | None = None
    made: Made | None = None
    host: str | None = None
    certificate: str | None = None
    held: bool | None = None
    seen: bool | None = None
    archived: bool | None = None


class RevealQuery(PageQuery):
    """Which reveals; ``mine``: those that you requested."""

    state: State | None = None
    team: str | None = None
    certificate: str | None = None
    key: str | None = None
    mine: bool = False


class RevealWish(Body):
    """Why the key must be seen; it is kept where it can be erased."""

    reason: str = Field(min_length=1, max_length=1_000, examples=["the appliance takes keys by hand only"])


class RevealApproval(Body):
    """What is approved: ``request_sha256`` as the reveal shows it."""

    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Redemption(Body):
    """Nothing: who redeems is who is signed in, and what is redeemed stands in the path."""


class RevealedKey(BaseModel):
    """The key with its certificate and chain as PKCS #12 (base64), and its password: shown once, never again."""

    reveal_id: str
    certificate_id: str
    pkcs12: str = Field(repr=False)
    password: str = Field(repr=False)
    form: Form
    revoked_at_latest: Timestamp | None


@ROUTER.get("/keys", **read(KEY.page))
async def keys(request: Request, query: Annotated[KeyQuery, Query()]) -> Response:
    """List the keys that you may see, the newest first."""
    where = KeyFilter(
        team_id=query.team,
        made=query.made,
        host_id=query.host,
        certificate_id=query.certificate,
        held=query.held,
        seen=query.seen,
        archived=query.archived,
    )
    return (await reading(request)).page(KEYS, where, query, KEY)


@ROUTER.get("/keys/{key_id}", **read(KEY.model, one=True))
async def key(request: Request, key_id: str) -> Response:
    """Show a key: where it lives, who owns it, how often it left, whether a person has seen it."""
    return await (await reading(request)).show(KEYS, key_id, KEY)


@ROUTER.post("/certificates/{certificate_id}/reveals", **command({201: Recorded}, RevealWish))
async def request_reveal(request: Request, certificate_id: str) -> Response:
    """Ask to see the key of a certificate; a second person decides."""
    call = await commanding(request)
    wish = await call.body(RevealWish)
    outcome = await call.execute(RequestReveal(certificate_id=certificate_id), reason=wish.reason)
    reveal_id = outcome.id_of("reveal") or ""
    return call.recorded(outcome, reveal_id, 201, f"/api/v1/reveals/{reveal_id}")


@ROUTER.get("/reveals", **read(LISTED_REVEAL.page))
async def reveals(request: Request, query: Annotated[RevealQuery, Query()]) -> Response:
    """List the reveals that you may see, the newest first."""
    call = await reading(request)
    where = RevealFilter(
        state=query.state,
        team_id=query.team,
        certificate_id=query.certificate,
        key_id=query.key,
        requester=call.caller.principal.pseudonym if query.mine else None,
    )
    return call.page(REVEALS, where, query, _with_names(call))


@ROUTER.get("/reveals/{reveal_id}", **read(REVEAL.model, one=True))
async def reveal(request: Request, reveal_id: str) -> Response:
    """Show a reveal, and why it was requested."""
    call = await reading(request)
    named = _with_names(call)

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        reason, erased = reason_at(call.edge, row["created"])
        return named(row) | {"reason": reason, "reason_erased": erased}

    return await call.show(REVEALS, reveal_id, show)


@ROUTER.post("/reveals/{reveal_id}/approve", **command({200: Recorded}, RevealApproval))
async def approve_reveal(request: Request, reveal_id: str) -> Response:
    """Approve exactly what you read; never your own request, and not for your own team's key."""
    call = await commanding(request)
    seen = await call.body(RevealApproval)
    wish = ApproveReveal(reveal_id=reveal_id, request_sha256=seen.request_sha256)
    return call.recorded(await call.execute(wish), reveal_id)


@ROUTER.post("/reveals/{reveal_id}/reject", **command({200: Recorded}, RevealWish))
async def reject_reveal(request: Request, reveal_id: str) -> Response:
    """Reject a reveal, or take your own back, with a reason."""
    call = await commanding(request)
    why = await call.body(RevealWish)
    return call.recorded(await call.execute(RejectReveal(reveal_id=reveal_id), reason=why.reason), reveal_id)


@ROUTER.post("/reveals/{reveal_id}/redeem", **command({200: RevealedKey}, Redemption))
async def redeem_reveal(request: Request, reveal_id: str) -> Response:
    """See the key, once: within 15 minutes of the approval, after a fresh sign-in for this act (RFC 9470).

    Repeated with the same idempotency key or another, the call answers 409 and no key.
    """
    call = await commanding(request)
    await call.body(Redemption)
    context = replace(call.context, principal=await reconfirmed(call.edge, request, call.caller))
    sessions, token = call.edge.identity.sessions, call.caller.token or ""
    revealed = await reveal_key(
        call.edge.bus,
        call.edge.keys.custody,
        RedeemReveal(reveal_id=reveal_id),
        context,
        spend=lambda: sessions.spend_step_up(token, act_of(reveal_id)),
    )
    answer = RevealedKey(
        reveal_id=reveal_id,
        certificate_id=revealed.certificate_id,
        pkcs12=base64.b64encode(revealed.package.pkcs12.reveal()).decode(),
        password=revealed.package.password.reveal().decode(),
        form=revealed.form,
        revoked_at_latest=revealed.revoked_at_latest,
    )
    headers = {POSITION: str(revealed.position), "Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(answer.model_dump_json(), 200, headers, "application/json")


def _with_names(call: Call) -> Show:
    """Return how a reveal is shown in this call; each person is looked up once."""
    people, views = PeopleNames(call.edge), call.edge.views

    def show(row: Mapping[str, Any]) -> dict[str, Any]:
        certificate, team = views.get(INVENTORY, row["certificate_id"]), views.get(TEAMS, row["team_id"] or "")
        return LISTED_REVEAL(row) | {
            "requester_name": people(row["requester"]),
            "approver_name": people(row["approver"]) if row["approver"] else "",
            "team_name": team["name"] if team else "",
            "dns_names": certificate["dns_names"] if certificate else [],
            "ip_addresses": certificate["ip_addresses"] if certificate else [],
        }

    return show

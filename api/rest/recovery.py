"""A restore with loss: what was lost, and the two people who decide to go on in a new epoch."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from api.calls import Body, Recorded, commanding, reading
from api.openapi import command, read
from commands.continuity.epoch import ConfirmEpoch, ProposeEpoch, epochs_of
from domain.base import rfc3339
from domain.continuity.epochs import Epochs, HeadOf, KnownCrl

ROUTER = APIRouter(prefix="/api/v1/recovery", tags=["continuity"])


class Recovery(BaseModel):
    """How the ledger stands.

    ``phase``: whole, loss (waits for people) or taking-over. ``kept`` is the last entry that is shared with what was
    lost, ``lost`` the newest that is known of that. A decision names ``loss_sha256``, so that it is about exactly
    this; ``evidence_sha256`` is that of the file loss.json in the data folder, with every serial.
    """

    epoch: int
    phase: Literal["whole", "loss", "taking-over"]
    kept: HeadOf | None = None
    lost: HeadOf | None = None
    revocations: int = 0
    certificates: int = 0
    crls: tuple[KnownCrl, ...] = ()
    evidence_sha256: str | None = None
    loss_sha256: str | None = None
    proposed_by: str | None = None
    valid_until: str | None = None


class Decision(Body):
    """Which loss it is about, and why; the reason is kept where it can be erased."""

    loss_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    reason: str = Field(min_length=1, max_length=1_000, examples=["the disk was lost, the back-up is of last night"])


@ROUTER.get("", **read(Recovery))
async def recovery(request: Request) -> Response:
    """Show how the ledger stands."""
    call = await reading(request)
    call.without_parameters()
    services = call.edge.bus.services
    epochs, hold = epochs_of(services), services.gate.hold()
    answer = Recovery(epoch=epochs.number if epochs else 1, phase="whole")
    if hold is not None:
        told = {name: getattr(hold.loss, name) for name in Recovery.model_fields if hasattr(hold.loss, name)}
        until = rfc3339(hold.valid_until) if hold.valid_until else None
        about = {"loss_sha256": hold.loss_sha256, "proposed_by": hold.proposed_by, "valid_until": until}
        answer = Recovery(epoch=answer.epoch, phase="loss" if hold.phase == "loss" else "taking-over", **told, **about)
    return Response(to_json(answer), media_type="application/json")


@ROUTER.post("/propose", **command({200: Recorded}, Decision))
async def propose(request: Request) -> Response:
    """Propose to go on in a new epoch; a second person confirms within a day."""
    call = await commanding(request)
    decision = await call.body(Decision)
    outcome = await call.execute(ProposeEpoch(loss_sha256=decision.loss_sha256), reason=decision.reason)
    return call.recorded(outcome, Epochs.the_id())


@ROUTER.post("/confirm", **command({200: Recorded}, Decision))
async def confirm(request: Request) -> Response:
    """Agree to what somebody else proposed: the new epoch begins, and what was published is taken over."""
    call = await commanding(request)
    decision = await call.body(Decision)
    outcome = await call.execute(ConfirmEpoch(loss_sha256=decision.loss_sha256), reason=decision.reason)
    return call.recorded(outcome, Epochs.the_id())

"""A restore with loss: what was lost, and the two people who decide to go on."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.invocation import Run, command
from api.cli.orders import act

APP = typer.Typer(help="A ledger that was restored with loss, and how it goes on.", no_args_is_help=True)
Loss = Annotated[str, typer.Argument(metavar="LOSS", help="The loss_sha256 that `sslclm recovery show` names.")]
Why = Annotated[str, typer.Option(help="What happened.")]


@command(APP, "show")
def show(run: Run) -> None:
    """Show how the ledger stands, and what was lost."""
    found = run.api.get("/recovery")
    if run.out.as_json:
        run.out.document(found)
        return
    if found["phase"] == "whole":
        run.out.card("Nothing is lost.", {"epoch": found["epoch"]})
        return
    numbers = ", ".join(f"{one['issuer_id']}: {one['number']}" for one in found["crls"])
    told = {
        "phase": found["phase"],
        "last entry kept": _head(found["kept"]),
        "newest entry lost": _head(found["lost"]),
        "revocations to take over": found["revocations"],
        "certificates to take over": found["certificates"],
        "CRL numbers known": numbers,
        "proposed by": found["proposed_by"] or "nobody",
        "loss": found["loss_sha256"],
    }
    run.out.card("Restored with loss: nothing is issued, revoked or published.", told)


@command(APP, "propose", changes=True)
def propose(run: Run, loss: Loss, *, reason: Why) -> None:
    """Propose to go on in a new epoch; somebody else confirms within a day."""
    body = {"loss_sha256": loss, "reason": reason}
    act(run, "/recovery/propose", body, "Proposed; a second person confirms it.")


@command(APP, "confirm", changes=True)
def confirm(run: Run, loss: Loss, *, reason: Why) -> None:
    """Agree to what somebody else proposed."""
    body = {"loss_sha256": loss, "reason": reason}
    act(run, "/recovery/confirm", body, "A new epoch begins; what was published is taken over.")


def _head(head: dict[str, str] | None) -> str:
    return f"{head['position']} {head['entry_hash']}" if head else "not known"

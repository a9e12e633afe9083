"""The server's clock: what it shows, and which time is right when it is in doubt."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.errors import Misused
from api.cli.invocation import Run, command
from api.cli.orders import act

APP = typer.Typer(help="The server's clock, and who says what time it is.", no_args_is_help=True)


@command(APP, "show")
def show(run: Run) -> None:
    """Show the wall clock and the trusted time."""
    found = run.api.get("/clock")
    if run.out.as_json:
        run.out.document(found)
        return
    title = "The clock is in doubt: nothing is issued." if found["doubt"] else "The clock is believed."
    run.out.card(title, {"wall": found["wall"], "trusted": found["trusted"], "doubt": found["doubt"] or "none"})


@command(APP, "confirm", changes=True)
def confirm(
    run: Run,
    *,
    reason: Annotated[str, typer.Option(help="How you know the time.")],
    wall: Annotated[bool, typer.Option("--wall", help="The machine's clock is right.")] = False,
    trusted: Annotated[bool, typer.Option("--trusted", help="The trusted time is right.")] = False,
) -> None:
    """Say which of the two is right; issuing goes on by it at once."""
    right = word(wall=wall, trusted=trusted)
    act(run, "/clock/confirm", {"right": right, "reason": reason}, f"The {right} time is right; issuing goes on.")


def word(*, wall: bool, trusted: bool) -> str:
    """Return which time is right; raises Misused unless exactly one was named."""
    if wall == trusted:
        raise Misused("say which time is right", fix="give --wall or --trusted; look first: sslclm clock show")
    return "wall" if wall else "trusted"

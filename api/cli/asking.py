"""Asking a person before something is done that cannot be undone."""

from __future__ import annotations

import typer

from api.cli.errors import Misused
from api.cli.invocation import Run
from api.cli.output import warn

NOTHING = "Nothing was done."


def may_ask(run: Run, *, yes: bool) -> None:
    """Refuse what would need an answer where nobody can be asked. Raises Misused."""
    if run.out.as_json and not yes:
        raise Misused("--json asks nobody", fix="add --yes once you have read what is to be done")


def confirm(question: str) -> None:
    """Ask; raises typer.Exit (1) for every answer but yes, after saying that nothing was done."""
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort as abort:  # Ctrl-C, or no input at all
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        agreed = False
    if not agreed:
        warn(NOTHING)
        raise typer.Exit(1)

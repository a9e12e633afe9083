"""What needs a person, and what could not be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from api.cli.certificates import Limit, show_list
from api.cli.invocation import Run, command
from api.cli.output import Cell

APP = typer.Typer()


@command(APP, "notices", panel="Evidence")
def list_notices(
    run: Run,
    *,
    kind: Annotated[str, typer.Option(help="One kind, e.g. agent-offline.")] = "",
    severity: Annotated[str, typer.Option(help="info, warning or alarm.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also what is settled, and what only informs.")] = False,
    messages: Annotated[
        bool, typer.Option("--messages", help="The messages that carried them, and how it went.")
    ] = False,
    limit: Limit = 50,
) -> None:
    """List what still needs a person, the newest first; with --messages whether anybody could be told."""
    if messages:
        _list_messages(run, min(limit, 200))
        return
    columns: Mapping[str, Cell] = {
        "when": lambda row: run.out.when_lines(row["at"]),
        "kind": lambda row: [row["severity"], row["kind"]],
        "what, and what to do": lambda row: [
            row["sentence"],
            row["todo"],
            *([row["command"]] if row["command"] else []),
        ],
    }
    asked = {"kind": kind or None, "severity": severity or None, "all": everything or None}
    show_list(run, "/notices", limit, asked, columns, nothing="Nothing needs a person; --all lists what was told.")


def _list_messages(run: Run, limit: int) -> None:
    found = run.api.get("/notices/deliveries", limit=limit)
    if run.out.as_json:
        run.out.document(found)
        return
    columns: Mapping[str, Cell] = {
        "made": lambda row: run.out.when_lines(row["created_at"]),
        "to": lambda row: [row["channel"], row["recipient"]],
        "notices": lambda row: row["count"],
        "state": lambda row: [row["state"], f"{row['attempts']} attempts"],
        "problem": lambda row: row["problem"],
    }
    run.out.table(columns, found["items"], nothing="No messages.")
    run.out.say(f"{found['figures']['pending']} notices wait to be sent.", style="dim")

"""Renewals: what is due when, and a certificate renewed now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer

from api.cli.certificates import PANEL, Limit, Team, show_list
from api.cli.delivery import as_it_is, wait_for
from api.cli.invocation import Run, command
from api.cli.naming import Names, exact_id, id_or_none
from api.cli.outcome import complete, tell, waiting
from api.cli.output import Cell
from api.cli.renewal_words import renewal_words

APP = typer.Typer()


@command(APP, "renewals", panel=PANEL)
def list_renewals(
    run: Run,
    *,
    team: Team = "",
    state: Annotated[str, typer.Option(help="watched, planned, started, waiting, failed, completed or ended.")] = "",
    due: Annotated[int | None, typer.Option(metavar="DAYS", min=0, help="Due within so many days.")] = None,
    urgent: Annotated[bool, typer.Option("--urgent", help="Those whose end is near.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Limit = 50,
) -> None:
    """List the renewals that are still open, what is due next first."""
    before = None if due is None else (run.around.now() + timedelta(days=due)).isoformat()
    asked = {
        "team": id_or_none(run.api, "team", team),
        "state": state or None,
        "due_before": before and before.replace("+00:00", "Z"),
        "level": 1 if urgent else None,
        "open": None if every or state else True,
    }
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "certificate": lambda row: _certificate(row, names),
        "renewal": lambda row: [*renewal_words(run, row), *_times(run, row)],
    }
    show_list(run, "/renewals", limit, asked, columns, nothing="No renewals.")


def _certificate(row: Mapping[str, Any], names: Names) -> list[str]:
    waits_for = [row["order_id"]] if row["state"] == "waiting" else []
    return [
        *row["dns_names"],
        *row["ip_addresses"],
        row["certificate_id"],
        f"team {names.team(row['team_id'])}",
        *waits_for,
    ]


def _times(run: Run, row: Mapping[str, Any]) -> list[str]:
    return [f"due {run.out.day(row['due_at'])}", f"expires {run.out.day(row['expires_at'])}"]


@command(APP, "renew", changes=True, panel=PANEL)
def renew(
    run: Run,
    certificate: Annotated[str, typer.Argument(help="Id of the certificate.")],
    *,
    together: Annotated[
        bool, typer.Option("--together", help="And the other certificates of its order, one host after another.")
    ] = False,
    reason: Annotated[str, typer.Option(help="For the record, in your own words.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the new certificate is issued and served.")] = False,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds to wait at most.")] = 900,
) -> None:
    """Renew a certificate now: same names, same places, a new key; its hosts make the key and install it."""
    path = f"/certificates/{exact_id(certificate, 'certificate')}/renew"
    answer = run.api.post(path, {"together": together, "reason": reason})
    answer["replaces"] = answer.pop("certificate_id")
    order_id = exact_id(str(answer["order_id"]), "order")
    order = wait_for(run, order_id, timeout) if wait else as_it_is(run, order_id)
    complete(run, answer, order)
    tell(run, answer, order)
    if order["state"] != "fulfilled":
        raise waiting(run, order)

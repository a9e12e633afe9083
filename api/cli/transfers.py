"""Ownership: certificates that change their team, and those that nobody looks after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from api.cli.certificates import PANEL, Limit, Team, certificate_lines, moment_in, show_list
from api.cli.invocation import Run, command
from api.cli.naming import Names, exact_id, id_or_none, is_id
from api.cli.orders import Reason, act
from api.cli.output import Cell

APP = typer.Typer()
TRANSFER = typer.Typer(help="Certificates that go from team to team, with consent.", no_args_is_help=True)
Certificate = Annotated[str, typer.Argument(help="certificate-…")]


@command(TRANSFER, "list")
def list_transfers(
    run: Run,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    limit: Limit = 50,
) -> None:
    """List what is offered by your teams and to them."""
    columns: Mapping[str, Cell] = {
        "certificate": lambda row: [*row["dns_names"], *row["ip_addresses"], row["certificate_id"]],
        "offer": lambda row: _offer(run, row),
    }
    show_list(run, "/transfers", limit, {"every": every or None}, columns, nothing="No open offers.")


def _offer(run: Run, row: Mapping[str, Any]) -> list[str]:
    sides = [f"from {row['team_name'] or row['team_id']}"]
    if row["to_team_id"]:
        sides.append(f"to {row['to_team_name'] or row['to_team_id']}")
    by, (moment, *distance) = row["offered_by_name"] or row["offered_by"], run.out.when_lines(row["valid_until"])
    return [row["state"], *sides, f"by {by}", f"until {moment}", *distance]


@command(TRANSFER, "offer", changes=True)
def offer(
    run: Run,
    certificate: Certificate,
    *,
    to: Annotated[str, typer.Option(help="The receiving team: name or id.")],
    reason: Reason = "",
) -> None:
    """Offer a certificate to another team; it moves when somebody there agrees, within 7 days."""
    team = {"team_id": to} if is_id(to, "team") else {"team": to.lower()}
    _send(run, certificate, "offer", {**team, "reason": reason}, f"{certificate} is offered to {to} for 7 days.")


@command(TRANSFER, "withdraw", changes=True)
def withdraw(run: Run, certificate: Certificate, *, reason: Reason = "") -> None:
    """Take an open offer back."""
    _send(run, certificate, "withdraw", {"reason": reason}, f"{certificate} is offered no more.")


@command(TRANSFER, "accept", changes=True)
def accept(run: Run, certificate: Certificate, *, reason: Reason = "") -> None:
    """Agree for the receiving team: certificate and key are theirs from here on."""
    _send(run, certificate, "accept", {"reason": reason}, f"{certificate} is yours; renew it on hosts of your own.")


@command(TRANSFER, "refuse", changes=True)
def refuse(run: Run, certificate: Certificate, *, reason: Reason = "") -> None:
    """Say for the receiving team that it does not want the certificate."""
    _send(run, certificate, "refuse", {"reason": reason}, f"{certificate} stays with its owner.")


def _send(run: Run, certificate: str, what: str, body: dict[str, str], done: str) -> None:
    act(run, f"/certificates/{exact_id(certificate, 'certificate')}/transfer/{what}", body, done)


@command(APP, "expiring", panel=PANEL)
def expiring(
    run: Run,
    *,
    within: Annotated[str, typer.Option(help="e.g. 30d, 12h, 8w.")] = "30d",
    team: Team = "",
    limit: Limit = 50,
) -> None:
    """List what is in force and expires within 30 days, the next one first: whom to write to, who renews it."""
    asked = {"team": id_or_none(run.api, "team", team), "state": "issued", "expiring_before": moment_in(run, within)}
    states = {} if run.out.as_json else _renewals(run)
    columns: Mapping[str, Cell] = {
        **_owned(run),
        "renewed": lambda row: _renewed(states.get(str(row["certificate_id"]))),
    }
    show_list(run, "/certificates", limit, asked, columns, nothing=f"Nothing expires within {within}.")


def _renewals(run: Run) -> dict[str, str]:
    """Return the renewals' states by certificate, those that are due first: what soon expires is among them."""
    return {row["certificate_id"]: row["state"] for row in run.api.items("/renewals", 1_000)}


def _renewed(state: str | None) -> str:
    """Tell who renews: this system, or whoever made the key, whose end is only watched here."""
    return "-" if state is None else "by you" if state == "watched" else "by itself"


@command(APP, "unowned", panel=PANEL)
def unowned(run: Run, *, limit: Limit = 50) -> None:
    """List what is in force and nobody looks after: its team has no member's grant, or no contact."""
    asked = {"state": "issued", "unowned": True}
    show_list(run, "/certificates", limit, asked, _owned(run), nothing="Every certificate has somebody.")


def _owned(run: Run) -> Mapping[str, Cell]:
    names = Names(run.api)
    teams = {row["team_id"]: row for row in run.api.items("/teams", 1_000)}

    def owner(row: Mapping[str, object]) -> list[str]:
        team = teams.get(row["team_id"], {})
        lacks = [] if team.get("grant_ids") else ["nobody holds it"]
        return [str(team.get("name") or row["team_id"]), str(team.get("contact") or "no contact"), *lacks]

    return {
        "certificate": lambda row: certificate_lines(row, names),
        "owner": owner,
        "expires": lambda row: run.out.when_lines(row["not_after"]),
    }

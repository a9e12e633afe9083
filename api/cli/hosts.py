"""Hosts, their bootstrap tokens, and what is deployed on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from api.cli.asking import confirm, may_ask
from api.cli.certificates import Limit, Team, show_list, show_object
from api.cli.invocation import Run, command
from api.cli.naming import Names, exact_id, id_of, id_or_none
from api.cli.orders import Reason, Yes, act
from api.cli.output import Cell, warn
from api.cli.text import safe

HOSTS = typer.Typer(help="Hosts and their one-time tokens.", no_args_is_help=True)
DEPLOYMENTS = typer.Typer(help="Certificates on their targets.", no_args_is_help=True)
Host = Annotated[str, typer.Argument(help="Name or id.")]


@command(HOSTS, "list")
def list_hosts(
    run: Run,
    *,
    team: Team = "",
    state: Annotated[str, typer.Option(help="registered, enrolled or disabled.")] = "",
    offline: Annotated[bool, typer.Option("--offline", help="Those whose agent has fallen silent.")] = False,
    limit: Limit = 50,
) -> None:
    """List hosts by name."""
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "host": lambda row: [row["name"], row["host_id"]],
        "state": _state,
        "team": lambda row: names.team(row["team_id"]),
        "agent": lambda row: row.get("reported_version") or row["agent_version"],
        "last seen": lambda row: run.out.when_lines(row.get("last_seen_at")),
    }
    asked = {"team": id_or_none(run.api, "team", team), "state": state or None, "offline": offline or None}
    show_list(run, "/hosts", limit, asked, columns, nothing="No hosts.")


def _state(row: Mapping[str, object]) -> str:
    if row.get("offline"):
        return "offline"
    return "safe mode" if row["safe_mode"] else str(row["state"])


@command(HOSTS, "show")
def show_host(run: Run, host: Host) -> None:
    """Show a host with its history, where you may read it."""
    show_object(run, "host", id_of(run.api, "host", host))


@command(HOSTS, "add", changes=True)
def add_host(
    run: Run,
    name: Annotated[str, typer.Argument(help="DNS name.")],
    *,
    team: Annotated[str, typer.Option(help="Owner: name or id.")],
) -> None:
    """Register a host."""
    answer = run.api.post("/hosts", {"name": name, "team_id": id_of(run.api, "team", team)})
    if run.out.as_json:
        run.out.document(answer)
    run.out.say(f"Registered {answer['id']}. Next, a token for its agent: sslclm hosts token {name}")


@command(HOSTS, "token", changes=True)
def make_token(
    run: Run,
    host: Host,
    *,
    valid: Annotated[int, typer.Option(metavar="SECONDS", min=60, help="How long an unused token is good.")] = 3_600,
) -> None:
    """Make a bootstrap token for one enrolment; it is shown once, and an unused older one is replaced."""
    host_id = id_of(run.api, "host", host)
    answer = run.api.post(f"/hosts/{host_id}/token", {"valid_seconds": valid})
    if run.out.as_json:
        run.out.document(answer)
        return
    if answer["token"]:
        run.out.say(answer["token"])  # alone on standard output, so that it can be piped to where it is needed
    warn(f"{answer['note']}; good until {run.out.when(answer['expires'])}")


@command(HOSTS, "disable", changes=True)
def disable_host(run: Run, host: Host, *, reason: Reason = "", yes: Yes = False) -> None:
    """Disable a host for good: its agent is refused from here on."""
    may_ask(run, yes=yes)
    host_id = id_of(run.api, "host", host)
    if not yes:
        confirm(f"Disable {safe(host)} for good?")
    act(run, f"/hosts/{host_id}/disable", {"reason": reason}, f"{host} is disabled.")


@command(DEPLOYMENTS, "list")
def list_deployments(
    run: Run,
    *,
    host: Annotated[str, typer.Option(help="Name or id.")] = "",
    order: Annotated[str, typer.Option(help="order-…")] = "",
    team: Team = "",
    state: Annotated[str, typer.Option(help="planned, served, failed, withdrawn, removing, removed, …")] = "",
    limit: Limit = 50,
) -> None:
    """List deployments, the one that changed last first."""
    names = Names(run.api)
    columns: Mapping[str, Cell] = {
        "deployment": lambda row: [f"{names.host(row['host_id'])}:{row['directory']}", row["deployment_id"]],
        "state": lambda row: row["state"],
        "attempt": lambda row: row["attempt"],
        "failed at": lambda row: row["stage"],
        "changed": lambda row: run.out.when_lines(row["changed_at"]),
    }
    asked = {
        "host": id_or_none(run.api, "host", host),
        "order": exact_id(order, "order") if order else None,
        "team": id_or_none(run.api, "team", team),
        "state": state or None,
    }
    show_list(run, "/deployments", limit, asked, columns, nothing="No deployments.")


@command(DEPLOYMENTS, "retry", changes=True)
def retry_deployment(
    run: Run, deployment: Annotated[str, typer.Argument(help="deployment-…")], *, reason: Reason = ""
) -> None:
    """Ask for another attempt at a failed deployment."""
    path = f"/deployments/{exact_id(deployment, 'deployment')}/retry"
    act(run, path, {"reason": reason}, f"{deployment} is tried again.")


@command(DEPLOYMENTS, "remove", changes=True)
def remove_deployment(
    run: Run, deployment: Annotated[str, typer.Argument(help="deployment-…")], *, reason: Reason = ""
) -> None:
    """Ask the host to disable the site of a revoked certificate; again where it refused."""
    path = f"/deployments/{exact_id(deployment, 'deployment')}/remove"
    act(run, path, {"reason": reason}, f"The host of {deployment} is asked.")

"""``sslclm``, the command line of clients: speaks HTTP to a server, and nothing more."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import (
    access,
    accesses,
    audit,
    certificates,
    clock,
    hosts,
    imports,
    keys,
    notices,
    orders,
    policy,
    recovery,
    renewals,
    requesting,
    revoking,
    rules,
    transfers,
)
from api.cli.errors import EXIT_CODES, Misused
from api.cli.output import complain

app = typer.Typer(
    name="sslclm",
    help=f"Certificates from request to proof.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # their frames would show local variables, a token among them
    rich_markup_mode="rich",
)


@app.callback()
def before_every_command(
    *, as_json: Annotated[bool, typer.Option("--json", hidden=True, help="Goes behind the command.")] = False
) -> None:
    """Say where an option belongs that was written too early."""
    if as_json:
        error = Misused("--json goes behind the command", fix="for example: sslclm list --json")
        complain(error)
        raise typer.Exit(error.exit_code)


PARTS = (access, orders, requesting, certificates, renewals, revoking, imports, transfers, notices, accesses)
for part in (*(one.APP for one in PARTS), rules.ISSUERS):
    app.add_typer(part)
for name, group, panel in (
    ("transfer", transfers.TRANSFER, "Certificates"),
    ("keys", keys.KEYS, "Keys"),
    ("reveal", keys.REVEAL, "Keys"),
    ("hosts", hosts.HOSTS, "Hosts"),
    ("deployments", hosts.DEPLOYMENTS, "Hosts"),
    ("profiles", rules.PROFILES, "Who may do what"),
    ("policy", policy.APP, "Who may do what"),
    ("teams", rules.TEAMS, "Who may do what"),
    ("grants", rules.GRANTS, "Who may do what"),
    ("audit", audit.APP, "Evidence"),
    ("clock", clock.APP, "Evidence"),
    ("recovery", recovery.APP, "Evidence"),
):
    app.add_typer(group, name=name, rich_help_panel=panel)

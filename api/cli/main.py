"""``sslclm``, the command line of clients: speaks HTTP to a server, and nothing more."""

from __future__ import annotations

import typer

from api.cli import access, certificates, orders
from api.cli.errors import EXIT_CODES

app = typer.Typer(
    name="sslclm",
    help=f"Certificates from request to proof.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # their frames would show local variables, a token among them
    rich_markup_mode="rich",
)
for part in (access.APP, orders.APP, certificates.APP):
    app.add_typer(part)

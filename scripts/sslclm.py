"""``sslclm``: the command line of clients, joined with the commands of the server."""

from __future__ import annotations

import sys

from typer.core import TyperGroup
from typer.main import get_command

from api.cli.main import app


def main() -> None:
    """Run the command line; the server's modules take a second to load, so clients' commands do without them."""
    if not _is_for_clients(sys.argv[1:2]):
        from scripts.server_commands import add_to  # noqa: PLC0415 - see above: three quarters of the start-up time

        add_to(app)
    app()


def _is_for_clients(first: list[str]) -> bool:
    """Tell whether the first word is a command of clients; options, ``--help`` among them, are for both."""
    known = get_command(app)
    return isinstance(known, TyperGroup) and bool(first) and first[0] in known.commands


if __name__ == "__main__":
    main()

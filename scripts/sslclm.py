"""``sslclm``: the command line of clients, joined with the commands of the server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typer.core import TyperGroup
from typer.main import get_command

from api.cli.errors import INTERRUPTED, Misused
from api.cli.invocation import Surroundings
from api.cli.main import app


def main() -> None:
    """Run the command line. Ctrl-C and a reader that goes away (``| head``) end it without a stack trace."""
    try:
        _run()
    except KeyboardInterrupt:
        print("sslclm: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    finally:
        _flush()


def _run() -> None:
    """Run it; the server's modules take a second to load, so clients' commands do without them."""
    if not _is_for_clients(sys.argv[1:2]):
        from scripts.server_commands import add_to  # noqa: PLC0415 - see above: three quarters of the start-up time

        add_to(app)
    app(obj=Surroundings(check_rows=_check_rows))


def _check_rows(export: Path, found: Mapping[str, Any], *, complete: bool) -> Mapping[str, Any]:
    """Check rows against an export; what that takes is loaded when it is asked for."""
    from infra.ledger.proof.verdict import CannotCheck  # noqa: PLC0415 - see _run
    from scripts.row_proofs import check_rows  # noqa: PLC0415 - see _run

    try:
        return check_rows(export, found, complete=complete)
    except (CannotCheck, OSError) as reason:
        raise Misused(
            f"{export} cannot be checked: {reason}", fix="sslclm audit export FILE makes a fresh one"
        ) from reason


def _flush() -> None:
    """Write what is left; where nobody reads it any more, the interpreter's own attempt goes nowhere."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_for_clients(first: list[str]) -> bool:
    """Tell whether the first word is a command of clients; options, ``--help`` among them, are for both."""
    known = get_command(app)
    return isinstance(known, TyperGroup) and bool(first) and first[0] in known.commands


if __name__ == "__main__":
    main()

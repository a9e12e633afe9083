"""How the server's commands end when they cannot do what they were asked."""

from __future__ import annotations

import sys

import typer

from domain.errors import ClmError

EXIT_REFUSED = 1


def fail(error: ClmError) -> typer.Exit:
    """Tell a person what is wrong and what helps, on standard error."""
    print(f"sslclm: {error.message}", file=sys.stderr)
    if error.fix:
        print(f"        {error.fix}", file=sys.stderr)
    return typer.Exit(EXIT_REFUSED)

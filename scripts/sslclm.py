"""``sslclm``: the command line of clients, joined with the commands of the server."""

from __future__ import annotations

from api.cli.main import app
from scripts.server_commands import add_to


def main() -> None:
    """Run the command line."""
    add_to(app)
    app()


if __name__ == "__main__":
    main()

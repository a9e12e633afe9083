"""The commands that run on the backend's own machine: set it up, serve, and the ceremonies of the root's key."""

from __future__ import annotations

import asyncio
import functools
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from api.cli.errors import INTERRUPTED
from api.main import reserved_names, serve
from commands.ports.keystore import Secret
from domain.errors import ClmError
from infra.bootstrap import compose
from infra.keystore.files import read_private, write_private
from infra.logs import configure
from infra.server.loop import calm_collector, new_event_loop
from infra.settings import Settings
from infra.setup import SetupPlan, initialise, publish_root_crl
from scripts import server_keystore, server_people
from scripts.server_backup import backup, restore
from scripts.server_clock import confirm_clock
from scripts.server_crew import serve_many
from scripts.server_emergency import APP as EMERGENCY
from scripts.server_fail import fail
from scripts.server_ledger import APP as LEDGER
from scripts.server_migrate import migrate_command
from scripts.server_recovery import find_loss_command

_PASSPHRASE_LIMIT = 1_024

PassphraseFile = Annotated[
    Path,
    typer.Option(
        "--root-passphrase-file",
        metavar="FILE",
        help="file (0600) with the passphrase of the root CA's key; keep it off this machine afterwards",
    ),
]
Organization = Annotated[str, typer.Option(metavar="NAME", help="stands in the names of the CAs")]
AdminProvider = Annotated[str, typer.Option(metavar="NAME", help="identity provider of the first administrators")]
AdminGroup = Annotated[str, typer.Option(metavar="PATH", help="its group that holds ROLE_ADMIN from now on")]
Origin = Annotated[
    str, typer.Option(metavar="NAME", help="the ledger's name for ever; default: the host of the public URL")
]
NewPassphrase = Annotated[
    bool, typer.Option("--new-passphrase", help="draw a passphrase and write it to that file first")
]

Workers = Annotated[
    int | None, typer.Option(metavar="N", help="processes that serve side by side; default: SSLCLM_WORKERS, or 1")
]


def _passphrase(path: Path) -> Secret:
    return Secret(read_private(path, _PASSPHRASE_LIMIT).strip())


def init(
    root_passphrase_file: PassphraseFile,
    organization: Organization = "SSL-CLM",
    admin_provider: AdminProvider = "development",
    admin_group: AdminGroup = "/sslclm/admins",
    origin: Origin = "",
    *,
    new_passphrase: NewPassphrase = False,
) -> None:
    """Make the ledger, the CAs, the keys and the first grant; refuses where there is a ledger already."""
    try:
        settings = Settings.from_environment()
        if new_passphrase:
            root_passphrase_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(root_passphrase_file, secrets.token_urlsafe(32).encode() + b"\n")
        plan = SetupPlan(
            origin=origin or urlsplit(settings.public_url).hostname or "sslclm",
            organization=organization,
            pki_url=settings.pki_url,
            admin_provider=admin_provider,
            admin_group=admin_group,
        )
        files = settings.files()
        backend = asyncio.run(initialise(files, plan, _passphrase(root_passphrase_file)))
        backend.close()
    except ClmError as error:
        raise fail(error) from error


def serve_command(workers: Workers = None) -> None:
    """Serve until SIGTERM; settings come from the environment (SSLCLM_…, see infra/README.md).

    With several workers, SIGHUP follows each by a fresh one, without a failed request.
    """
    try:
        settings = Settings.from_environment(overrides={} if workers is None else {"workers": workers})
        configure(settings.log_level)
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            if settings.workers > 1:
                runner.run(serve_many(settings, lambda: _ready(settings)))
            else:
                runner.run(serve(settings, ready=lambda: _ready(settings)))
    except ClmError as error:
        raise fail(error) from error


def _ready(settings: Settings) -> None:
    calm_collector()
    print(f"SSL-CLM serves {settings.public_url}", flush=True)


def root_crl(root_passphrase_file: PassphraseFile) -> None:
    """Unseal the root CA's key for one CRL, on the record; the server may go on running."""
    try:
        settings = Settings.from_environment(serving=False)
        passphrase = _passphrase(root_passphrase_file)
        files = settings.files()
        backend = compose(files, clock=settings.clock(), reserved_names=reserved_names(settings))
        outcome = asyncio.run(publish_root_crl(backend, passphrase))
        backend.close()
        print(f"root CRL published, position {outcome.position}")
    except ClmError as error:
        raise fail(error) from error


def _interruptible(function: Callable[..., None]) -> Callable[..., None]:
    """Return ``function``, ended by Ctrl-C with one line."""

    @functools.wraps(function)
    def run(*given: Any, **named: Any) -> None:
        try:
            function(*given, **named)
        except KeyboardInterrupt:
            print("sslclm: interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None

    return run


COMMANDS: dict[str, Callable[..., None]] = {
    "init": init,
    "serve": serve_command,
    "root-crl": root_crl,
    "confirm-clock": confirm_clock,
    "backup": backup,
    "restore": restore,
    "find-loss": find_loss_command,
    "migrate": migrate_command,
}


def add_to(app: typer.Typer) -> None:
    """Add the server's commands to a command line."""
    panel = "On the server"
    for name, function in COMMANDS.items():
        app.command(name, rich_help_panel=panel)(_interruptible(function))
    app.add_typer(EMERGENCY, name="emergency", rich_help_panel=panel)
    app.add_typer(server_keystore.APP, name="keystore", rich_help_panel=panel)
    app.add_typer(LEDGER, name="ledger", rich_help_panel=panel)
    app.add_typer(server_people.APP, name="people", rich_help_panel=panel)

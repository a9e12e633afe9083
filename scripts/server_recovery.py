"""Handing in what was published, to a backend that may have been restored from before it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api.main import reserved_names
from commands.continuity.loss import Loss, find_loss
from domain.errors import ClmError
from infra.backup.finding import Evidence, look_for_loss
from infra.bootstrap import compose
from infra.settings import Settings
from scripts.server_fail import fail

Crls = Annotated[
    list[Path],
    typer.Option("--published-crl", metavar="FILE", help="a CRL as relying parties have it (PEM or DER); repeatable"),
]
Exports = Annotated[
    list[Path], typer.Option("--newer-export", metavar="FILE", help="an export that may be newer; repeatable")
]


def find_loss_command(
    published_crl: Crls = [],  # noqa: B006 - typer's way to say "none"; never changed
    newer_export: Exports = [],  # noqa: B006 - the same
    *,
    as_json: Annotated[bool, typer.Option("--json", help="print what was found")] = False,
) -> None:
    """Compare the ledger with what was published; a loss holds the server until two people decide."""
    try:
        loss = handed_in(Settings.from_environment(serving=False), published_crl, newer_export)
        print(_json(loss) if as_json else sentence(loss))
    except ClmError as error:
        raise fail(error) from error


def handed_in(settings: Settings, crls: list[Path], exports: list[Path]) -> Loss | None:
    """Look for a loss by these files, and by the high-water mark."""
    backend = compose(settings.files(), clock=settings.clock(), reserved_names=reserved_names(settings))
    try:
        evidence = Evidence(tuple(crls), tuple(exports), settings.high_water_file)
        return asyncio.run(look_for_loss(backend, evidence))
    finally:
        backend.close()


def sentence(loss: Loss | None) -> str:
    """Return what was found, for people."""
    if loss is None:
        return "nothing is lost that these files know of"
    lost = f", newest lost entry {loss.lost.position}" if loss.lost else ""
    return (
        f"restored with loss: last entry kept {loss.kept.position}{lost}; {len(loss.revocations)} revocations and"
        f" {len(loss.certificates)} certificates to take over. The server is held until two people decide:"
        " sslclm recovery show"
    )


def _json(loss: Loss | None) -> str:
    return find_loss(loss).model_dump_json() if loss else "null"

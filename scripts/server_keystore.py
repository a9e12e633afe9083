"""The key store's own keys: how old they are, and a fresh one on the record."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Annotated

import typer

from api.main import reserved_names
from commands.context import SYSTEM, Context
from commands.keys.rotate import BeginRotation, EndRotation
from domain.base import rfc3339
from domain.errors import ClmError
from domain.moments import moment_of
from infra.bootstrap import Backend, compose
from infra.settings import Settings
from scripts.server_fail import fail

APP = typer.Typer(help="The key store's own keys, on the server.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="as JSON")]


@APP.command("status")
def status(*, as_json: Json = False) -> None:
    """Show how many secrets are stored under how many data-encryption keys, and since when the newest is in use."""
    try:
        backend = _composed()
        _show(backend, as_json=as_json)
        backend.close()
    except ClmError as error:
        raise fail(error) from error


@APP.command("rotate")
def rotate(
    reason: Annotated[str, typer.Option(help="why, and who you are; kept where it can be erased")],
    *,
    as_json: Json = False,
) -> None:
    """Encrypt everything that is stored under a fresh data-encryption key; the server may go on running.

    It may be broken off anywhere and begun again. A leaked key-encryption key is not mended by it.
    """
    try:
        backend = _composed()
        asyncio.run(_rotate(backend, reason))
        _show(backend, as_json=as_json)
        backend.close()
    except ClmError as error:
        raise fail(error) from error


async def _rotate(backend: Backend, reason: str) -> None:
    context = Context(SYSTEM, f"rotate:{uuid.uuid4()}", purpose="rotate-dek", reason=reason)
    begun = await backend.bus.execute(BeginRotation(), context)
    fields = backend.keystore.status().fields
    backend.keystore.start_dek()
    while backend.keystore.reencrypt():
        pass
    deks = backend.keystore.status().deks
    rotation_id = begun.id_of("rotation") or ""
    await backend.bus.execute(EndRotation(rotation_id=rotation_id, fields=fields, deks=deks), context)


def _composed() -> Backend:
    settings = Settings.from_environment(serving=False)
    files = settings.files()
    return compose(files, clock=settings.clock(), reserved_names=reserved_names(settings))


def _show(backend: Backend, *, as_json: bool) -> None:
    found = backend.keystore.status()
    since = rfc3339(moment_of(found.newest_us)) if found.newest_us else None
    told = {"fields": found.fields, "deks": found.deks, "newest_dek_since": since, "kek": found.kek_id}
    print(json.dumps(told) if as_json else ", ".join(f"{name}: {value}" for name, value in told.items()))

"""People in the erasable directory, on the server: forgetting one."""

from __future__ import annotations

import asyncio
import re
import uuid
from typing import Annotated

import typer

from api.main import reserved_names
from commands.access.erase_person import ErasePerson, erase_person
from commands.context import SYSTEM, Context
from domain.errors import ClmError, InvalidInput
from infra.bootstrap import compose
from infra.settings import Settings
from scripts.server_fail import fail

APP = typer.Typer(help="People in the erasable directory, on the server.", no_args_is_help=True)


@APP.callback()
def people() -> None:
    """Let the command below have a name of its own."""


@APP.command("erase")
def erase(
    pseudonym: Annotated[str, typer.Argument(help="p-… as the audit search shows it beside the name")],
    reason: Annotated[str, typer.Option(help="why, and who you are; kept where it can be erased")],
) -> None:
    """Forget who stands behind a pseudonym (GDPR Article 17); what was done under it stays, and is nobody's.

    Refused while something of that person waits for a decision: under their next pseudonym they could decide on it.
    """
    try:
        asyncio.run(_erase(Settings.from_environment(serving=False), pseudonym, reason))
    except ClmError as error:
        raise fail(error) from error
    print(f"{pseudonym}: the directory knows nobody by it any more; back-ups from before still do")


async def _erase(settings: Settings, pseudonym: str, reason: str) -> None:
    if not re.fullmatch(r"p-[0-9a-f]{16}", pseudonym):
        raise InvalidInput(f"{pseudonym!r} is no pseudonym", rule="pseudonym", fix="p- and 16 hex digits")
    backend = compose(settings.files(), clock=settings.clock(), reserved_names=reserved_names(settings))
    try:
        known = backend.identity(())
        context = Context(SYSTEM, f"erase:{uuid.uuid4()}", purpose="erase-person", reason=reason)
        command = ErasePerson(pseudonym=pseudonym)
        await erase_person(backend.bus, known.directory, known.sessions, command, context)
    finally:
        backend.close()

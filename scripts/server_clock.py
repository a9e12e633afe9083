"""Saying what time it is on the backend's own machine, where nobody can sign in because of its clock."""

from __future__ import annotations

import asyncio
import uuid
from typing import Annotated

import typer

from api.cli.clock import word
from api.cli.errors import Misused
from api.main import reserved_names
from commands.context import SYSTEM, Context
from commands.continuity.clock import ConfirmClock, watch_clock
from domain.errors import ClmError, InvalidInput
from infra.bootstrap import compose
from infra.settings import Settings
from scripts.server_fail import fail


def confirm_clock(
    reason: Annotated[str, typer.Option(help="how you know the time, and who you are")],
    *,
    wall: Annotated[bool, typer.Option("--wall", help="this machine's clock is right")] = False,
    trusted: Annotated[bool, typer.Option("--trusted", help="the trusted time is right")] = False,
) -> None:
    """Say which time is right while the clock is in doubt, on the record; a running server hears it within a minute."""
    try:
        right = word(wall=wall, trusted=trusted)
        position = asyncio.run(_confirm(Settings.from_environment(serving=False), right, reason))
        print(f"the {right} time is right, position {position}")
    except Misused as misused:
        raise fail(InvalidInput(str(misused), rule="clock-word", fix="give --wall or --trusted")) from misused
    except ClmError as error:
        raise fail(error) from error


async def _confirm(settings: Settings, right: str, reason: str) -> int:
    files = settings.files()
    backend = compose(files, clock=settings.clock(), reserved_names=reserved_names(settings))
    try:
        await watch_clock(backend.bus)  # where this process is the first to see the doubt
        context = Context(SYSTEM, f"confirm-clock:{uuid.uuid4()}", purpose="confirm-clock", reason=reason)
        outcome = await backend.bus.execute(ConfirmClock.model_validate({"right": right}), context)
        return outcome.position
    finally:
        backend.close()

"""The way in on the day when the identity provider's own TLS certificate has expired and nobody can sign in.

It takes the data folder and the key-encryption key, and no root passphrase: whoever has these two can already read
every key that the server holds, so that a passphrase would protect nothing, and its keeper may be asleep.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import uuid
from contextlib import suppress
from typing import Annotated

import typer

from api.main import reserved_names
from commands.access.emergencies import EndEmergency, OpenEmergency
from commands.context import SYSTEM, Context
from domain.base import rfc3339
from domain.errors import ClmError, InvalidInput
from domain.moments import moment_of
from infra.bootstrap import Backend, compose
from infra.settings import Settings
from projections.access.emergencies import EMERGENCIES, EmergencyFilter, EmergencyRow
from projections.query import every
from scripts.server_fail import fail

APP = typer.Typer(help="The way in when the identity provider's own TLS certificate has expired.", no_args_is_help=True)
_UNITS = {"m": 60, "h": 3_600}
_HEX = re.compile(r"[0-9a-f]{64}")
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="for the record")]


@APP.command("trust-provider")
def trust_provider(
    provider: Annotated[str, typer.Argument(help="its name in the settings")],
    leaf_sha256: Annotated[
        str, typer.Option("--leaf-sha256", metavar="HEX", help="of its certificate: openssl x509 -fingerprint -sha256")
    ],
    reason: Reason,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="30m or 2h; at most 24h")] = "2h",
) -> None:
    """Believe one expired TLS certificate of one provider for a short time; a running server hears it at once."""
    try:
        leaf, seconds = read_leaf(leaf_sha256), read_span(duration)
        print(asyncio.run(_open(Settings.from_environment(), provider, leaf, seconds, reason)))
    except ClmError as error:
        raise fail(error) from error


@APP.command("end")
def end(reason: Reason = "") -> None:
    """End every emergency that is open."""
    try:
        ended = asyncio.run(_end(Settings.from_environment(), reason))
        print("\n".join(f"the emergency of {name} is over" for name in ended) or "no emergency is open")
    except ClmError as error:
        raise fail(error) from error


def read_leaf(text: str) -> str:
    """Return a SHA-256 as lower-case hex; colons as OpenSSL writes them are welcome. Raises InvalidInput."""
    bare = text.replace(":", "").strip().lower()
    if not _HEX.fullmatch(bare):
        raise InvalidInput(
            "this is no SHA-256 of a certificate",
            rule="leaf-sha256",
            fix="openssl s_client -connect HOST:443 </dev/null | openssl x509 -noout -fingerprint -sha256",
        )
    return bare


def read_span(text: str) -> int:
    """Return the seconds of a time such as 30m or 2h. Raises InvalidInput."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (number.isascii() and number.isdigit() and len(number) <= 4):  # noqa: PLR2004 - 9999m
        raise InvalidInput("this is no time", rule="emergency-time", fix="write 30m or 2h, at most 24h")
    seconds = int(number) * _UNITS[unit]
    if not 0 < seconds <= 24 * _UNITS["h"]:
        raise InvalidInput("an emergency lasts at most a day", rule="emergency-time", fix="write at most 24h")
    return seconds


def operator() -> str:
    """Return who runs this: the account, and who signed in at the terminal where that is known. It may be personal."""
    uid = os.getuid()
    with suppress(KeyError):
        name = pwd.getpwuid(uid).pw_name
        with suppress(OSError):
            return f"sslclm emergency by {name} (uid {uid}), terminal of {os.getlogin()}"
        return f"sslclm emergency by {name} (uid {uid})"
    return f"sslclm emergency by uid {uid}"


async def _open(settings: Settings, provider: str, leaf: str, seconds: int, reason: str) -> str:
    names = [one.name for one in settings.oidc]
    if provider not in names:
        known = ", ".join(names) or "none"
        raise InvalidInput(f"no provider is called {provider!a}", rule="provider-name", fix=f"configured: {known}")
    backend = _compose(settings)
    try:
        command = OpenEmergency(provider=provider, leaf_sha256=leaf, seconds=seconds)
        outcome = await backend.bus.execute(command, _context(reason))
        await backend.views.wait_for(outcome.position, timeout=30)
        row = backend.views.get(EMERGENCIES, outcome.id_of("emergency") or "")
        until = rfc3339(moment_of(row["until_us"])) if row else "soon"
        return f"{provider} is believed with this certificate until {until}, position {outcome.position}"
    finally:
        backend.close()


async def _end(settings: Settings, reason: str) -> list[str]:
    backend = _compose(settings)
    try:
        rows = list(every(backend.views, EMERGENCIES, EmergencyFilter(open=True)))
        for row in rows:
            await _end_one(backend, row, reason)
        return [row["provider"] for row in rows]
    finally:
        backend.close()


async def _end_one(backend: Backend, row: EmergencyRow, reason: str) -> None:
    command = EndEmergency(emergency_id=row["emergency_id"], provider=row["provider"], cause="operator")
    await backend.bus.execute(command, _context(reason))


def _compose(settings: Settings) -> Backend:
    files = settings.files()
    return compose(files, clock=settings.clock(), reserved_names=reserved_names(settings))


def _context(reason: str) -> Context:
    call = f"emergency:{uuid.uuid4()}"
    return Context(SYSTEM, call, purpose="emergency", reason=reason, user_agent=operator())

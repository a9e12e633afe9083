"""The emergency path in, opened and ended on the server's own machine (see ``domain/access/emergency.py``).

Only the system may: no role that a person holds through the identity provider can widen what is believed of that
provider, and on the day it is needed nobody can sign in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.access.emergency import Emergency
from domain.errors import InvalidInput


class OpenEmergency(Command):
    """Believe one provider's expired TLS certificate, known by the SHA-256 of its DER (hex), for ``seconds``."""

    provider: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    leaf_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    seconds: int = Field(ge=1, le=86_400)


class EndEmergency(Command):
    """End one."""

    emergency_id: str
    provider: str
    cause: Literal["operator", "time"]


def scope_of_provider(_command: OpenEmergency, _work: Work) -> Scope:
    """Aim at the installation as a whole."""
    return Scope()


def scope_of_emergency(command: EndEmergency, _work: Work) -> Scope:
    """Name the emergency."""
    return Scope(object_id=command.emergency_id)


def handle_open(command: OpenEmergency, work: Work) -> None:
    """Open it; it needs a reason."""
    if not work.context.reason.strip():
        raise InvalidInput("an emergency needs a reason", rule="reason-missing", fix="say why: --reason TEXT")
    until = work.now + timedelta(seconds=command.seconds)
    opened = Emergency.open(
        stream_id=work.new_id("emergency"),
        provider=command.provider,
        leaf_sha256=command.leaf_sha256,
        until=until,
        at=work.now,
    )
    work.add(opened)


def handle_end(command: EndEmergency, work: Work) -> None:
    """End it."""
    work.load(Emergency, command.emergency_id).end(provider=command.provider, cause=command.cause, at=work.now)


OPEN_EMERGENCY = UseCase("emergencies.open", scope_of_provider, handle_open)
END_EMERGENCY = UseCase("emergencies.end", scope_of_emergency, handle_end)

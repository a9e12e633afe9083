"""Sign-ins are facts: a session is opened and ended by the identity side, on behalf of its person."""

from __future__ import annotations

from typing import Literal

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.access.session import EndReason, Session


class OpenSession(Command):
    """Record that the provider proved a person to us."""

    session_id: str
    principal: str
    provider: str
    kind: Literal["browser", "cli"]
    mfa: bool
    acr: str | None = None
    amr: tuple[str, ...] = ()


class EndSession(Command):
    """Record that a session is over."""

    session_id: str
    reason: EndReason


def _scope(command: OpenSession | EndSession, _work: Work) -> Scope:
    return Scope(object_id=command.session_id)


def handle_open(command: OpenSession, work: Work) -> None:
    """Open the session's stream."""
    state = command.model_dump(exclude={"session_id"})
    work.add(Session.open(stream_id=command.session_id, at=work.now, **state))


def handle_end(command: EndSession, work: Work) -> None:
    """End it; ending an ended session changes nothing."""
    session = work.load(Session, command.session_id)
    if not session.ended:
        session.end(reason=command.reason, at=work.now)


OPEN_SESSION = UseCase("session.open", _scope, handle_open)
END_SESSION = UseCase("session.end", _scope, handle_end)

"""A sign-in session: when a principal came, by what evidence, and when they left."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event
from domain.errors import WrongState

EndReason = Literal["signed-out", "idle", "expired", "provider-ended", "provider-refused"]


class Session(Aggregate):
    """One signed-in stay of a person, in a browser or at the command line."""

    def __init__(self) -> None:
        self.ended = False

    class Opened(base.Created):
        """The identity provider answered our own request with this evidence."""

        TOPIC: ClassVar[str] = "sslclm.session.opened.v1"
        principal: str
        provider: str
        kind: Literal["browser", "cli"]
        mfa: bool
        acr: str | None
        amr: tuple[str, ...]

    class Ended(Event):
        """The session is over."""

        TOPIC: ClassVar[str] = "sslclm.session.ended.v1"
        reason: EndReason

        def apply(self, session: Session) -> None:
            session.ended = True

    @classmethod
    def open(
        cls,
        *,
        stream_id: str,
        principal: str,
        provider: str,
        kind: Literal["browser", "cli"],
        mfa: bool,
        acr: str | None,
        amr: tuple[str, ...],
        at: datetime,
    ) -> Session:
        """Open a session."""
        return cls.begin(
            cls.Opened,
            stream_id=stream_id,
            at=at,
            principal=principal,
            provider=provider,
            kind=kind,
            mfa=mfa,
            acr=acr,
            amr=amr,
        )

    def end(self, *, reason: EndReason, at: datetime) -> None:
        """End the session."""
        if self.ended:
            raise WrongState("the session has ended already", rule="session-ended", fix="sign in again")
        self.record(self.Ended, at=at, reason=reason)

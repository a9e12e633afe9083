"""The emergency path in: an identity provider whose TLS certificate has expired is believed for a short time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.errors import InvalidInput, WrongState

AT_MOST = timedelta(hours=24)
"""Nobody needs longer to install a certificate, and whoever does opens the next one on the record."""


class Emergency(Aggregate):
    """One time-boxed exception for exactly one provider and exactly one certificate of it."""

    def __init__(self) -> None:
        self.over = False

    class Opened(base.Created):
        """Until then the provider's TLS certificate with this SHA-256 (of its DER) is accepted although expired."""

        TOPIC: ClassVar[str] = "sslclm.emergency.opened.v1"
        provider: str
        leaf_sha256: str
        until: Timestamp

    class Ended(Event):
        """The exception is over: somebody ended it, or its time was up. It ends by itself, recorded or not."""

        TOPIC: ClassVar[str] = "sslclm.emergency.ended.v1"
        provider: str
        cause: Literal["operator", "time"]

        def apply(self, emergency: Emergency) -> None:
            emergency.over = True

    @classmethod
    def open(cls, *, stream_id: str, provider: str, leaf_sha256: str, until: datetime, at: datetime) -> Emergency:
        """Open it for at most :data:`AT_MOST`."""
        if not at < until <= at + AT_MOST:
            hours = int(AT_MOST.total_seconds()) // 3_600
            raise InvalidInput(
                "an emergency lasts longer than nothing and at most a day",
                rule="emergency-time",
                fix=f"give a time of at most {hours} hours; open another one when it is over",
            )
        told = {"provider": provider, "leaf_sha256": leaf_sha256, "until": until}
        return cls.begin(cls.Opened, stream_id=stream_id, at=at, **told)

    def end(self, *, provider: str, cause: Literal["operator", "time"], at: datetime) -> None:
        """End it."""
        if self.over:
            raise WrongState("this emergency is over already", rule="emergency-over", fix="nothing is left to do")
        self.record(self.Ended, at=at, provider=provider, cause=cause)

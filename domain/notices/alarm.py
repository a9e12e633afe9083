"""An alarm: a date that comes nearer although nothing happens, which therefore no other event tells."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.ids import derived_id

AlarmKind = Literal["certificate-expiring", "issuer-ending", "crl-stale", "root-crl-due"]


class Alarm(Aggregate):
    """One occasion: what (``object_id``) is due when. ``level`` counts up as the date comes nearer; 0: not raised."""

    def __init__(self) -> None:
        self.level = 0

    class Raised(base.Created):
        """Somebody has to look at an object before ``due``."""

        TOPIC: ClassVar[str] = "sslclm.alarm.raised.v1"
        kind: AlarmKind
        object_id: str
        due: Timestamp
        level: int

        def apply(self, alarm: Alarm) -> None:
            alarm.level = self.level

    class Escalated(Event):
        """The date is nearer and nothing has changed; or the cause is back after it was gone."""

        TOPIC: ClassVar[str] = "sslclm.alarm.escalated.v1"
        kind: AlarmKind
        object_id: str
        due: Timestamp
        level: int

        def apply(self, alarm: Alarm) -> None:
            alarm.level = self.level

    class Cleared(Event):
        """The cause is gone."""

        TOPIC: ClassVar[str] = "sslclm.alarm.cleared.v1"

        def apply(self, alarm: Alarm) -> None:
            alarm.level = 0

    @staticmethod
    def id_for(kind: AlarmKind, object_id: str, due: datetime) -> str:
        """Return the id of the one alarm about this object and date."""
        return derived_id("alarm", kind, object_id, str(int(due.timestamp())))

    @classmethod
    def raise_for(cls, *, kind: AlarmKind, object_id: str, due: datetime, level: int, at: datetime) -> Alarm:
        """Raise the alarm for the first time."""
        told = {"kind": kind, "object_id": object_id, "due": due, "level": level}
        return cls.begin(cls.Raised, stream_id=cls.id_for(kind, object_id, due), at=at, **told)

    def escalate(self, *, kind: AlarmKind, object_id: str, due: datetime, level: int, at: datetime) -> None:
        """Raise the level; one that was reached already records nothing."""
        if level > self.level:
            self.record(self.Escalated, at=at, kind=kind, object_id=object_id, due=due, level=level)

    def clear(self, *, at: datetime) -> None:
        """Note that the cause is gone; saying it again records nothing."""
        if self.level:
            self.record(self.Cleared, at=at)

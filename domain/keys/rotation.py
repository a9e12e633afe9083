"""A rotation of the key that encrypts stored secrets: when it began, and how many fields it moved."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate, Event


class Rotation(Aggregate):
    """One rotation. Evidence for whoever asks since when which data-encryption key is in use (NIST SP 800-57)."""

    def __init__(self) -> None:
        self.ended = False

    class Begun(base.Created):
        """A fresh data-encryption key takes what is stored from here on; what was stored before is moved to it."""

        TOPIC: ClassVar[str] = "sslclm.rotation.begun.v1"

    class Ended(Event):
        """So many fields were moved; the data-encryption keys that nothing uses any more are gone."""

        TOPIC: ClassVar[str] = "sslclm.rotation.ended.v1"
        fields: int
        deks: int

        def apply(self, rotation: Rotation) -> None:
            rotation.ended = True

    def end(self, *, fields: int, deks: int, at: datetime) -> None:
        """Record the end; ``deks`` is how many data-encryption keys are left."""
        if not self.ended:
            self.record(self.Ended, at=at, fields=fields, deks=deks)

"""A refusal: an authenticated principal asked for what rights or policy forbid."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate


class Refusal(Aggregate):
    """One refused act; who asked stands in the entry's metadata."""

    class Refused(base.Created):
        """``action`` was refused by ``rule``; ``object_id`` is what it was aimed at, where that is known."""

        TOPIC: ClassVar[str] = "sslclm.access.refused.v1"
        action: str
        rule: str
        object_id: str | None = None
        team_id: str | None = None

    @classmethod
    def refuse(
        cls, *, stream_id: str, action: str, rule: str, object_id: str | None, team_id: str | None, at: datetime
    ) -> Refusal:
        """Record that an act was refused."""
        return cls.begin(
            cls.Refused, stream_id=stream_id, at=at, action=action, rule=rule, object_id=object_id, team_id=team_id
        )

"""A team owns hosts, orders and certificates; rights of ROLE_DEVOPS are held for a team."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate
from domain.ids import derived_id


class Team(Aggregate):
    """One owner of hosts, orders and certificates, unique by name."""

    def __init__(self) -> None:
        self.name = ""

    class Created(base.Created):
        """The team exists."""

        TOPIC: ClassVar[str] = "sslclm.team.created.v1"
        name: str

        def apply(self, team: Team) -> None:
            team.name = self.name

    @staticmethod
    def id_for(name: str) -> str:
        """Return the stream id of the one team with this name."""
        return derived_id("team", name)

    @classmethod
    def create(cls, *, name: str, at: datetime) -> Team:
        """Create a team; a second one of the same name conflicts in the ledger."""
        return cls.begin(cls.Created, stream_id=cls.id_for(name), at=at, name=name)

"""A team owns hosts, orders and certificates; rights of ROLE_DEVOPS are held for a team."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate, Event
from domain.ids import derived_id


class Team(Aggregate):
    """One owner of hosts, orders and certificates, unique by name."""

    def __init__(self) -> None:
        self.name = ""
        self.contact_id: str | None = None

    class Created(base.Created):
        """The team exists."""

        TOPIC: ClassVar[str] = "sslclm.team.created.v1"
        name: str

        def apply(self, team: Team) -> None:
            team.name = self.name

    class ContactNamed(Event):
        """Whom to write to for this team; the address stands in the erasable directory under this random id."""

        TOPIC: ClassVar[str] = "sslclm.team.contact-named.v1"
        contact_id: str

        def apply(self, team: Team) -> None:
            team.contact_id = self.contact_id

    @staticmethod
    def id_for(name: str) -> str:
        """Return the stream id of the one team with this name."""
        return derived_id("team", name)

    @classmethod
    def create(cls, *, name: str, at: datetime) -> Team:
        """Create a team; a second one of the same name conflicts in the ledger."""
        return cls.begin(cls.Created, stream_id=cls.id_for(name), at=at, name=name)

    def name_contact(self, *, contact_id: str, at: datetime) -> None:
        """Name whom to write to; a former contact is replaced."""
        self.record(self.ContactNamed, at=at, contact_id=contact_id)

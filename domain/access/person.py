"""A person as the ledger knows one: a pseudonym, and whether who stands behind it was erased."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate
from domain.ids import derived_id


class Person(Aggregate):
    """A pseudonym whose person asked to be forgotten. What was done under it stays, and is nobody's."""

    class Erased(base.Created):
        """The erasable directory forgets who stands behind the pseudonym; whoever comes back gets another one."""

        TOPIC: ClassVar[str] = "sslclm.person.erased.v1"
        pseudonym: str

    @staticmethod
    def id_for(pseudonym: str) -> str:
        """Return the stream id of a pseudonym's erasure."""
        return derived_id("person", pseudonym)

    @classmethod
    def erase(cls, *, pseudonym: str, at: datetime) -> Person:
        """Record the erasure; a second one conflicts in the ledger."""
        return cls.begin(cls.Erased, stream_id=cls.id_for(pseudonym), at=at, pseudonym=pseudonym)

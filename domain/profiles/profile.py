"""A profile: what may be issued to whom, in versions; an order names the version it was judged by."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate, Event
from domain.errors import WrongState
from domain.ids import derived_id
from domain.profiles.spec import ProfileSpec


class Profile(Aggregate):
    """What may be issued, unique by name. ``number`` is the version of its content, from 1."""

    def __init__(self) -> None:
        self.spec: ProfileSpec
        self.number = 0
        self.author = ""
        self.retired = False

    class Defined(base.Created):
        """The profile exists with this content; ``author`` is the pseudonym of who wrote it."""

        TOPIC: ClassVar[str] = "sslclm.profile.defined.v1"
        spec: ProfileSpec
        author: str

        def apply(self, profile: Profile) -> None:
            profile.spec, profile.author = self.spec, self.author
            profile.number = 1

    class Revised(Event):
        """The profile's content is replaced by its new author; what was issued before stays as it was."""

        TOPIC: ClassVar[str] = "sslclm.profile.revised.v1"
        spec: ProfileSpec
        author: str

        def apply(self, profile: Profile) -> None:
            profile.spec, profile.author = self.spec, self.author
            profile.number += 1

    class Retired(Event):
        """Nothing more is issued by the profile."""

        TOPIC: ClassVar[str] = "sslclm.profile.retired.v1"

        def apply(self, profile: Profile) -> None:
            profile.retired = True

    @staticmethod
    def id_for(name: str) -> str:
        """Return the stream id of the one profile with this name."""
        return derived_id("profile", name)

    @classmethod
    def define(cls, *, spec: ProfileSpec, author: str, at: datetime) -> Profile:
        """Define a profile; a second one of the same name conflicts in the ledger."""
        return cls.begin(cls.Defined, stream_id=cls.id_for(spec.name), at=at, spec=spec, author=author)

    def revise(self, *, spec: ProfileSpec, author: str, at: datetime) -> None:
        """Replace the content; the name stays."""
        self.must_be_in_force()
        if spec.name != self.spec.name:
            raise WrongState("a profile keeps its name", rule="profile-name", fix="define another profile")
        self.record(self.Revised, at=at, spec=spec, author=author)

    def retire(self, *, at: datetime) -> None:
        """Retire the profile."""
        self.must_be_in_force()
        self.record(self.Retired, at=at)

    def must_be_in_force(self) -> None:
        """Raise WrongState when the profile is retired."""
        if self.retired:
            raise WrongState(
                f"the profile {self.spec.name} is retired", rule="profile-retired", fix="request by another profile"
            )

"""A breach: a certificate that lives breaks a rule that is in force; one fact per certificate and rule."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.ids import derived_id

MESSAGE_MAX = 1_000
"""Longest message, in characters: a certificate may have a hundred names that are all wrong."""


class PolicyBreach(Aggregate):
    """One rule that one certificate breaks, or broke; ``open`` as long as it does."""

    def __init__(self) -> None:
        self.open = False

    class Found(base.Created):
        """The certificate breaks the rule: it was not found to do so before."""

        TOPIC: ClassVar[str] = "sslclm.breach.found.v1"
        certificate_id: str
        team_id: str | None
        rule: str
        message: str
        citation: str
        not_after: Timestamp

        def apply(self, breach: PolicyBreach) -> None:
            breach.open = True

    class FoundAgain(Event):
        """It breaks the rule again, after it did not."""

        TOPIC: ClassVar[str] = "sslclm.breach.found-again.v1"
        message: str

        def apply(self, breach: PolicyBreach) -> None:
            breach.open = True

    class Cleared(Event):
        """It breaks the rule no more: the rule, its profile or its owner has changed."""

        TOPIC: ClassVar[str] = "sslclm.breach.cleared.v1"

        def apply(self, breach: PolicyBreach) -> None:
            breach.open = False

    @staticmethod
    def id_for(certificate_id: str, rule: str) -> str:
        """Return the stream id of the one breach of this rule by this certificate."""
        return derived_id("breach", certificate_id, rule)

    @classmethod
    def find(
        cls,
        *,
        certificate_id: str,
        team_id: str | None,
        rule: str,
        message: str,
        citation: str,
        not_after: datetime,
        at: datetime,
    ) -> PolicyBreach:
        """Note that a certificate breaks a rule, for the first time."""
        return cls.begin(
            cls.Found,
            stream_id=cls.id_for(certificate_id, rule),
            at=at,
            certificate_id=certificate_id,
            team_id=team_id,
            rule=rule,
            message=message[:MESSAGE_MAX],
            citation=citation,
            not_after=not_after,
        )

    def again(self, *, message: str, at: datetime) -> None:
        """Note that it breaks the rule again; while it still does, nothing is recorded."""
        if not self.open:
            self.record(self.FoundAgain, at=at, message=message[:MESSAGE_MAX])

    def clear(self, *, at: datetime) -> None:
        """Note that it breaks the rule no more; saying it again records nothing."""
        if self.open:
            self.record(self.Cleared, at=at)

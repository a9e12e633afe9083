"""A renewal: what is done, and who is told, before one certificate ends."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.certificates.order import Cause
from domain.certificates.timing import Life, jitter
from domain.errors import WrongState
from domain.ids import derived_id

State = Literal["watched", "planned", "started", "waiting", "failed", "completed", "ended"]
"""``watched``: the key's maker renews, here only its end is watched. ``failed``: the last attempt; another may come."""

OPEN: frozenset[State] = frozenset({"watched", "planned", "started", "waiting", "failed"})


class Renewal(Aggregate):
    """The way of one certificate to its successor; one stream for each certificate."""

    def __init__(self) -> None:
        self.state: State = "planned"
        self.certificate_id = ""
        self.life: Life
        self.next: datetime | None = None
        self.attempt = 0
        self.order_id: str | None = None
        self.deployment_id: str | None = None
        self.level = 0
        self.cause: Cause = "renewal"

    class Planned(base.Created):
        """The certificate is to be replaced from ``due`` on; ``attempt`` is the number of the first attempt, 1."""

        TOPIC: ClassVar[str] = "sslclm.renewal.planned.v1"
        certificate_id: str
        team_id: str
        due: Timestamp
        expires: Timestamp
        attempt: int

        def apply(self, renewal: Renewal) -> None:
            renewal.certificate_id, renewal.life = self.certificate_id, Life(self.due, self.expires)
            renewal.next = self.due

    class Watched(base.Created):
        """Whoever made the key renews the certificate; its end is watched, and nothing else is done here."""

        TOPIC: ClassVar[str] = "sslclm.renewal.watched.v1"
        certificate_id: str
        team_id: str
        due: Timestamp
        expires: Timestamp

        def apply(self, renewal: Renewal) -> None:
            renewal.certificate_id, renewal.life = self.certificate_id, Life(self.due, self.expires)
            renewal.state = "watched"

    class Started(Event):
        """An order for the successor is approved; where no key has come ``until`` then, a new attempt is made."""

        TOPIC: ClassVar[str] = "sslclm.renewal.started.v1"
        order_id: str
        attempt: int
        cause: Cause
        until: Timestamp

        def apply(self, renewal: Renewal) -> None:
            renewal.state, renewal.order_id = "started", self.order_id
            renewal.attempt, renewal.cause, renewal.next = self.attempt, self.cause, self.until

    class Waiting(Event):
        """An order for the successor waits for a person, because of ``rule``; where nobody decides, asked again."""

        TOPIC: ClassVar[str] = "sslclm.renewal.waiting.v1"
        order_id: str
        attempt: int
        cause: Cause
        rule: str
        until: Timestamp

        def apply(self, renewal: Renewal) -> None:
            renewal.state, renewal.order_id = "waiting", self.order_id
            renewal.attempt, renewal.cause, renewal.next = self.attempt, self.cause, self.until

    class Answered(Event):
        """The host's key is certified: what is left is to install it, which has no term of its own."""

        TOPIC: ClassVar[str] = "sslclm.renewal.answered.v1"
        order_id: str

        def apply(self, renewal: Renewal) -> None:
            renewal.next = None

    class Failed(Event):
        """The attempt failed by ``rule``; ``again``: when the next one is made (None: only when somebody asks).

        ``deployment_id`` is set where the new certificate is there and could not be installed.
        """

        TOPIC: ClassVar[str] = "sslclm.renewal.failed.v1"
        rule: str
        attempt: int
        again: Timestamp | None
        deployment_id: str | None

        def apply(self, renewal: Renewal) -> None:
            renewal.state, renewal.attempt, renewal.next = "failed", self.attempt, self.again
            renewal.deployment_id = self.deployment_id

    class Hastened(Event):
        """The successor is wanted now, before its time."""

        TOPIC: ClassVar[str] = "sslclm.renewal.hastened.v1"
        due: Timestamp
        cause: Cause

        def apply(self, renewal: Renewal) -> None:
            renewal.next, renewal.cause = self.due, self.cause

    class Escalated(Event):
        """The end is near and no successor serves: level 1, 2, 3, and 4 when the end has come. Somebody must act."""

        TOPIC: ClassVar[str] = "sslclm.renewal.escalated.v1"
        level: int
        expires: Timestamp

        def apply(self, renewal: Renewal) -> None:
            renewal.level = self.level

    class Completed(Event):
        """A successor has taken the certificate's place."""

        TOPIC: ClassVar[str] = "sslclm.renewal.completed.v1"
        by: str

        def apply(self, renewal: Renewal) -> None:
            renewal.state, renewal.next = "completed", None

    class Ended(Event):
        """There is nothing to renew any more: the certificate is revoked, or serves nowhere."""

        TOPIC: ClassVar[str] = "sslclm.renewal.ended.v1"
        cause: str

        def apply(self, renewal: Renewal) -> None:
            renewal.state, renewal.next = "ended", None

    @staticmethod
    def id_for(certificate_id: str) -> str:
        """Return the stream id of the one renewal of a certificate."""
        return derived_id("renewal", certificate_id)

    @classmethod
    def plan(cls, *, certificate_id: str, team_id: str, life: Life, at: datetime) -> Renewal:
        """Plan to replace a certificate whose key we can have made anew."""
        return cls.begin(
            cls.Planned,
            stream_id=cls.id_for(certificate_id),
            at=at,
            certificate_id=certificate_id,
            team_id=team_id,
            due=life.due,
            expires=life.expires,
            attempt=1,
        )

    @classmethod
    def watch(cls, *, certificate_id: str, team_id: str, life: Life, at: datetime) -> Renewal:
        """Watch the end of a certificate whose key somebody else makes."""
        return cls.begin(
            cls.Watched,
            stream_id=cls.id_for(certificate_id),
            at=at,
            certificate_id=certificate_id,
            team_id=team_id,
            due=life.due,
            expires=life.expires,
        )

    def start(self, *, order_id: str, cause: Cause, until: datetime, at: datetime) -> None:
        """Record that an approved order is to bring the successor."""
        self._must_be_open()
        attempt = self._attempt_of(order_id)
        self.record(self.Started, at=at, order_id=order_id, attempt=attempt, cause=cause, until=until)

    def wait(self, *, order_id: str, cause: Cause, rule: str, until: datetime, at: datetime) -> None:
        """Record that the order for the successor waits for a person."""
        self._must_be_open()
        attempt = self._attempt_of(order_id)
        self.record(self.Waiting, at=at, order_id=order_id, attempt=attempt, cause=cause, rule=rule, until=until)

    def answered(self, *, order_id: str, at: datetime) -> None:
        """Record that the key for the successor has come."""
        if self.state == "started" and self.order_id == order_id and self.next is not None:
            self.record(self.Answered, at=at, order_id=order_id)

    def resume(self, *, at: datetime) -> None:
        """Record another attempt at installing the same successor."""
        if self.state == "failed" and self.order_id is not None:
            until = at + self.life.left
            order_id, attempt = self.order_id, self.attempt + 1
            self.record(self.Started, at=at, order_id=order_id, attempt=attempt, cause=self.cause, until=until)
            self.record(self.Answered, at=at, order_id=order_id)

    def fail(self, *, rule: str, at: datetime, deployment_id: str | None = None, retry: bool = True) -> None:
        """Record a failed attempt, and when the next one is made: later and later, at most once a day."""
        if self.state not in OPEN:
            return
        attempt = max(self.attempt, 1) if self.state in {"started", "waiting"} else self.attempt + 1
        wait = self.life.wait_after(attempt) * (1 + jitter(f"{self.id}:{attempt}") / 4)
        again = (at + wait).replace(microsecond=0) if retry else self._regular(at)
        self.record(self.Failed, at=at, rule=rule, attempt=attempt, again=again, deployment_id=deployment_id)

    def hasten(self, *, cause: Cause, at: datetime) -> None:
        """Want the successor now; one that is on its way already is not asked for twice."""
        if self.state in {"planned", "failed"}:
            self.record(self.Hastened, at=at, due=at, cause=cause)

    def escalate(self, *, at: datetime) -> bool:
        """Record the highest level that is reached and was not told yet; tell whether there was one."""
        level = self.life.level_at(at)
        if self.state not in OPEN or level <= self.level:
            return False
        self.record(self.Escalated, at=at, level=level, expires=self.life.expires)
        return True

    def complete(self, *, by: str, at: datetime) -> None:
        """Record that a successor has taken the place."""
        if self.state in OPEN:
            self.record(self.Completed, at=at, by=by)

    def end(self, *, cause: str, at: datetime) -> None:
        """Record that nothing is left to renew."""
        if self.state in OPEN:
            self.record(self.Ended, at=at, cause=cause)

    @property
    def under_way(self) -> str | None:
        """The order that brings the successor, where one is asked for or approved."""
        return self.order_id if self.state in {"started", "waiting"} else None

    def _regular(self, at: datetime) -> datetime | None:
        """Return the certificate's own time, where it is still to come: a no to an early wish does not end that."""
        return self.life.due if self.life.due > at else None

    def _attempt_of(self, order_id: str) -> int:
        return self.attempt if self.state == "waiting" and order_id == self.order_id else self.attempt + 1

    def _must_be_open(self) -> None:
        if self.state not in OPEN or self.state == "watched":
            raise WrongState(
                f"the renewal is {self.state}", rule="renewal-state", fix="look at the certificate's successor"
            )

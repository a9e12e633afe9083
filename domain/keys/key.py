"""A private key that we know of: where it lives and who may touch it; its bytes are never in an event."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event
from domain.errors import PolicyRefused, WrongState
from domain.ids import derived_id

Made = Literal["host", "client", "server", "imported", "agent", "backend"]
"""Where a key comes from: an agent on a host for a service, a caller, our key store, an import, an agent for itself,
the backend for itself."""

SeenBy = Literal["reveal", "import"]
CopyEnd = Literal["installed", "revoked", "expired", "asked"]
DELIVERIES_AT_MOST = 5
"""How often a key may leave for one task: an agent may lose it in a crash, but not without end."""


class Key(Aggregate):
    """One key pair, known by its public half: the stream id derives from the SHA-256 of its SubjectPublicKeyInfo.

    So a key belongs to one team at a time, and what is said of it (compromised, seen) holds for every certificate.
    """

    def __init__(self) -> None:
        self.spki_sha256 = ""
        self.team_id: str | None = None
        self.made: Made = "client"
        self.stored_as: str | None = None
        self.compromised = False
        self.seen = False
        self.archived = False
        self.deliveries: dict[str, int] = {}

    class Introduced(base.Created):
        """The key is about to be certified for the first time.

        ``stored_as``: its id in the key store, if its private half is there. ``team_id``: None for the backend's own.
        """

        TOPIC: ClassVar[str] = "sslclm.key.introduced.v1"
        spki_sha256: str
        algorithm: str | None
        team_id: str | None
        made: Made
        host_id: str | None
        stored_as: str | None

        def apply(self, key: Key) -> None:
            key.spki_sha256, key.team_id = self.spki_sha256, self.team_id
            key.made, key.stored_as = self.made, self.stored_as

    class DeliveryAuthorised(Event):
        """A copy is about to leave for the agent of a host; stored before a byte leaves."""

        TOPIC: ClassVar[str] = "sslclm.key.delivery-authorised.v1"
        host_id: str
        certificate_id: str
        task_id: str

        def apply(self, key: Key) -> None:
            key.deliveries = {**key.deliveries, self.task_id: key.deliveries.get(self.task_id, 0) + 1}

    class Archived(Event):
        """The key store keeps its copy for good: it decrypts, and the profile archives such keys."""

        TOPIC: ClassVar[str] = "sslclm.key.archived.v1"
        profile_id: str
        profile_version: int

        def apply(self, key: Key) -> None:
            key.archived = True

    class Seen(Event):
        """The key must count as seen by a person: ``by_id`` is the reveal or the imported certificate."""

        TOPIC: ClassVar[str] = "sslclm.key.seen.v1"
        cause: SeenBy
        by_id: str

        def apply(self, key: Key) -> None:
            key.seen = True

    class Compromised(Event):
        """A certificate of the key was revoked for keyCompromise: the key is never certified again, for anybody."""

        TOPIC: ClassVar[str] = "sslclm.key.compromised.v1"
        certificate_id: str

        def apply(self, key: Key) -> None:
            key.compromised = True

    class OwnerMoved(Event):
        """Another team owns the key, and nobody of the former may touch it any more."""

        TOPIC: ClassVar[str] = "sslclm.key.owner-moved.v1"
        team_id: str

        def apply(self, key: Key) -> None:
            key.team_id = self.team_id

    class CopyDestroyed(Event):
        """The key store's copy is gone; stored before it is shredded."""

        TOPIC: ClassVar[str] = "sslclm.key.copy-destroyed.v1"
        cause: CopyEnd

        def apply(self, key: Key) -> None:
            key.stored_as = None

    @staticmethod
    def id_for(spki_sha256: str) -> str:
        """Return the stream id of the one key with this public half."""
        return derived_id("key", spki_sha256)

    @classmethod
    def introduce(
        cls,
        *,
        spki_sha256: str,
        algorithm: str | None,
        team_id: str | None,
        made: Made,
        host_id: str | None,
        at: datetime,
        stored_as: str | None = None,
    ) -> Key:
        """Introduce a key; a second introduction of the same one conflicts in the ledger."""
        return cls.begin(
            cls.Introduced,
            stream_id=cls.id_for(spki_sha256),
            at=at,
            spki_sha256=spki_sha256,
            algorithm=algorithm,
            team_id=team_id,
            made=made,
            host_id=host_id,
            stored_as=stored_as,
        )

    def must_be_certifiable(self, team_id: str | None) -> None:
        """Raise PolicyRefused where the key is compromised or another team's."""
        if self.compromised:
            raise PolicyRefused(
                "this key was revoked as compromised", rule="key-compromised", fix="make a new key and send its CSR"
            )
        if self.team_id != team_id:
            raise PolicyRefused(
                "this key is certified for another team", rule="key-of-another-team", fix="make a key of your own"
            )

    def must_be_unseen(self) -> None:
        """Raise PolicyRefused where a person has the key, or may have it: it is replaced, never certified anew."""
        if self.seen:
            raise PolicyRefused(
                "a person has seen this key, so it is replaced", rule="key-seen", fix="make a new key and send its CSR"
            )

    def compromise(self, *, certificate_id: str, at: datetime) -> None:
        """Note that the key is compromised; saying it again records nothing."""
        if not self.compromised:
            self.record(self.Compromised, at=at, certificate_id=certificate_id)

    def move(self, *, team_id: str, at: datetime) -> None:
        """Hand the key to another team."""
        if self.team_id != team_id:
            self.record(self.OwnerMoved, at=at, team_id=team_id)

    def note_seen(self, *, cause: SeenBy, by_id: str, at: datetime) -> None:
        """Note that a person has the key, or may have it."""
        self.record(self.Seen, at=at, cause=cause, by_id=by_id)

    def must_be_held(self) -> str:
        """Return the id of the key store's copy; raise WrongState where there is none (any more)."""
        if self.stored_as is None:
            where = {"host": "its host", "agent": "its host", "client": "whoever made it"}.get(self.made, "nobody here")
            raise WrongState(
                f"the key store has no copy of this key: {where} has it",
                rule="key-not-held",
                fix="nobody can be given it from here; request a new certificate",
            )
        return self.stored_as

    def authorise_delivery(self, *, host_id: str, certificate_id: str, task_id: str, at: datetime) -> None:
        """Let a copy leave for an agent; only so often for one task."""
        self.must_be_held()
        if self.deliveries.get(task_id, 0) >= DELIVERIES_AT_MOST:
            raise WrongState(
                f"the key left {DELIVERIES_AT_MOST} times for this task",
                rule="delivery-count",
                fix="find out what the agent does with it; then: sslclm deployments retry",
            )
        self.record(self.DeliveryAuthorised, at=at, host_id=host_id, certificate_id=certificate_id, task_id=task_id)

    def archive(self, *, profile_id: str, profile_version: int, at: datetime) -> None:
        """Keep the key store's copy for good; saying it again records nothing."""
        if not self.archived:
            self.record(self.Archived, at=at, profile_id=profile_id, profile_version=profile_version)

    def destroy_copy(self, *, cause: CopyEnd, at: datetime) -> None:
        """Give up the key store's copy; the caller shreds it once this is stored. Saying it again records nothing."""
        if self.stored_as is not None:
            self.record(self.CopyDestroyed, at=at, cause=cause)

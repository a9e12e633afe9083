"""A host: an enrolled machine with an agent on it, owned by a team."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import ClassVar

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.errors import Denied, WrongState
from domain.ids import derived_id

HOST_URN = "urn:sslclm:host:"
"""What stands before the host's stream id in the one name of its agent's certificate, a URI."""


def unknown_token() -> Denied:
    """Return the one refusal of every bootstrap token that is no good, so that nobody learns in which way."""
    return Denied(
        "the bootstrap token is unknown, used, replaced or expired",
        rule="bootstrap-token",
        fix="ask for a new one: sslclm hosts token HOST",
    )


class Host(Aggregate):
    """A machine, unique by name; its agent is known by the SHA-256 of its client certificate's public key."""

    def __init__(self) -> None:
        self.name = ""
        self.team_id = ""
        self.token_sha256 = ""
        self.token_expires: datetime | None = None
        self.spki_sha256 = ""
        self.former_spki_sha256 = ""
        self.certificate_id = ""
        self.disabled = False
        self.safe_mode = False
        self.offline = False

    class Registered(base.Created):
        """The host is known and belongs to a team."""

        TOPIC: ClassVar[str] = "sslclm.host.registered.v1"
        name: str
        team_id: str

        def apply(self, host: Host) -> None:
            host.name, host.team_id = self.name, self.team_id

    class BootstrapTokenMade(Event):
        """A one-time token may enrol this host until it expires; only its hash is kept. It replaces an unused one."""

        TOPIC: ClassVar[str] = "sslclm.host.bootstrap-token-made.v1"
        token_sha256: str
        expires: Timestamp

        def apply(self, host: Host) -> None:
            host.token_sha256, host.token_expires = self.token_sha256, self.expires

    class Enrolled(Event):
        """The agent proved the token and its own new key; the token is used up."""

        TOPIC: ClassVar[str] = "sslclm.host.enrolled.v1"
        certificate_id: str
        spki_sha256: str
        agent_version: str
        platform: str

        def apply(self, host: Host) -> None:
            host.token_sha256, host.token_expires = "", None
            host.certificate_id, host.spki_sha256 = self.certificate_id, self.spki_sha256
            host.former_spki_sha256 = ""

    class IdentityRenewed(Event):
        """The agent has a new key and client certificate; the key that it proved stays good until the new one is used.

        An answer that got lost leaves the agent with the key it has, so it is that one which must stay good.
        """

        TOPIC: ClassVar[str] = "sslclm.host.identity-renewed.v1"
        certificate_id: str
        spki_sha256: str
        proven_spki_sha256: str

        def apply(self, host: Host) -> None:
            host.former_spki_sha256 = self.proven_spki_sha256
            host.certificate_id, host.spki_sha256 = self.certificate_id, self.spki_sha256

    class FormerKeyEnded(Event):
        """The agent has used its new key; the former one speaks for nobody any more."""

        TOPIC: ClassVar[str] = "sslclm.host.former-key-ended.v1"

        def apply(self, host: Host) -> None:
            host.former_spki_sha256 = ""

    class Disabled(Event):
        """The host's agent is refused from here on."""

        TOPIC: ClassVar[str] = "sslclm.host.disabled.v1"

        def apply(self, host: Host) -> None:
            host.disabled = True
            host.token_sha256, host.token_expires = "", None

    class SafeModeEntered(Event):
        """The agent stopped changing the host and only reports."""

        TOPIC: ClassVar[str] = "sslclm.host.safe-mode-entered.v1"

        def apply(self, host: Host) -> None:
            host.safe_mode = True

    class SafeModeLeft(Event):
        """The agent changes the host again."""

        TOPIC: ClassVar[str] = "sslclm.host.safe-mode-left.v1"

        def apply(self, host: Host) -> None:
            host.safe_mode = False

    class WentOffline(Event):
        """The agent has not been heard for longer than it may be silent; ``last_seen`` is when it last was."""

        TOPIC: ClassVar[str] = "sslclm.host.went-offline.v1"
        last_seen: Timestamp | None

        def apply(self, host: Host) -> None:
            host.offline = True

    class CameBack(Event):
        """The agent is heard again."""

        TOPIC: ClassVar[str] = "sslclm.host.came-back.v1"

        def apply(self, host: Host) -> None:
            host.offline = False

    @staticmethod
    def id_for(name: str) -> str:
        """Return the stream id of the one host with this name."""
        return derived_id("host", name)

    @classmethod
    def register(cls, *, name: str, team_id: str, at: datetime) -> Host:
        """Register a host; a second one of the same name conflicts in the ledger."""
        return cls.begin(cls.Registered, stream_id=cls.id_for(name), at=at, name=name, team_id=team_id)

    def make_token(self, *, token_sha256: str, expires: datetime, at: datetime) -> None:
        """Allow one enrolment by a token, known here by its hash."""
        self.must_be_active()
        self.record(self.BootstrapTokenMade, at=at, token_sha256=token_sha256, expires=expires)

    def check_token(self, token_sha256: str, *, at: datetime) -> None:
        """Raise Denied unless this is the host's unused, unexpired token; all failures look the same."""
        good = bool(self.token_sha256) and hmac.compare_digest(self.token_sha256, token_sha256)
        if self.disabled or not good or self.token_expires is None or at > self.token_expires:
            raise unknown_token()

    def enrol(
        self,
        *,
        token_sha256: str,
        certificate_id: str,
        spki_sha256: str,
        agent_version: str,
        platform: str,
        at: datetime,
    ) -> None:
        """Bind the agent's key to this host; the token is used up."""
        self.check_token(token_sha256, at=at)
        self.record(
            self.Enrolled,
            at=at,
            certificate_id=certificate_id,
            spki_sha256=spki_sha256,
            agent_version=agent_version,
            platform=platform,
        )

    def renew_identity(self, *, certificate_id: str, spki_sha256: str, proven_spki_sha256: str, at: datetime) -> None:
        """Bind a new key of the agent that has just proven the key ``proven_spki_sha256``."""
        self.must_be_active()
        if not self.knows_key(proven_spki_sha256):
            raise Denied("this key does not speak for the host", rule="agent-certificate", fix="enrol again")
        self.record(
            self.IdentityRenewed,
            at=at,
            certificate_id=certificate_id,
            spki_sha256=spki_sha256,
            proven_spki_sha256=proven_spki_sha256,
        )

    def has_used_key(self, spki_sha256: str, *, at: datetime) -> None:
        """Note that the agent spoke with this key; the first use of a new one ends the former."""
        if self.former_spki_sha256 and spki_sha256 == self.spki_sha256:
            self.record(self.FormerKeyEnded, at=at)

    def knows_key(self, spki_sha256: str) -> bool:
        """Tell whether this public key speaks for the host's agent now."""
        return not self.disabled and bool(spki_sha256) and spki_sha256 in {self.spki_sha256, self.former_spki_sha256}

    def disable(self, *, at: datetime) -> None:
        """Refuse the host's agent from here on."""
        self.must_be_active()
        self.record(self.Disabled, at=at)

    def note_safe_mode(self, *, on: bool, at: datetime) -> None:
        """Record a change of the agent's safe mode; saying the same again records nothing."""
        if on != self.safe_mode:
            self.record(self.SafeModeEntered if on else self.SafeModeLeft, at=at)

    def note_presence(self, *, heard: bool, last_seen: datetime | None, at: datetime) -> None:
        """Record that the agent fell silent or is heard again; saying the same again records nothing.

        A host that is disabled, or on which no agent was ever enrolled, owes nobody a sign of life.
        """
        if heard and self.offline:
            self.record(self.CameBack, at=at)
        elif not heard and not self.offline and self.spki_sha256 and not self.disabled:
            self.record(self.WentOffline, at=at, last_seen=last_seen)

    def must_be_active(self) -> None:
        """Raise WrongState when the host is disabled."""
        if self.disabled:
            raise WrongState(
                f"the host {self.name} is disabled", rule="host-disabled", fix="register it under a new name"
            )

"""Who, why and from where: one immutable value that travels from the edge to the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

INTERNAL_KEY = "internal:"
"""What the idempotency keys of second steps begin with; edges put another word before those of their callers."""

PrincipalKind = Literal["person", "machine", "agent", "system"]


class Role(StrEnum):
    """The roles of the matrix; agents and the system itself have one of their own."""

    VIEWER = "ROLE_VIEWER"
    DEVOPS = "ROLE_DEVOPS"
    SEC_OPS = "ROLE_SEC_OPS"
    ADMIN = "ROLE_ADMIN"
    AGENT = "ROLE_AGENT"
    SYSTEM = "ROLE_SYSTEM"


@dataclass(frozen=True, slots=True)
class Held:
    """A role that a principal holds: globally (``team`` is None) or for one team.

    ``grant`` is the stream id of the grant it comes from; a command relies on that grant being unchanged.
    """

    role: Role
    team: str | None = None
    grant: str | None = None


@dataclass(frozen=True, slots=True)
class Authentication:
    """How a principal proved to be who they are.

    ``mfa`` is true only where the identity provider's own evidence says so; ``at`` is the moment of the last real
    authentication (``auth_time``). ``fresh_for`` names the one act that a step-up was made for;
    ``key_sha256`` is the public key that was proven in mutual TLS (SHA-256 of its SubjectPublicKeyInfo, hex).
    """

    method: Literal["oidc-session", "client-credentials", "mutual-tls", "bootstrap-token", "internal"]
    mfa: bool = False
    at: datetime | None = None
    session: str | None = None
    fresh_for: str | None = None
    key_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, machine, agent or the system, by the pseudonym that the ledger knows.

    The erasable directory resolves the pseudonym to (issuer, subject); two principals are the same one if and only if
    their pseudonyms are equal. An agent's ``host`` is the stream id of its host.
    """

    pseudonym: str
    kind: PrincipalKind
    held: tuple[Held, ...] = ()
    authentication: Authentication = field(default_factory=lambda: Authentication("internal"))
    host: str | None = None

    def roles(self) -> frozenset[Role]:
        """Return the roles held anywhere."""
        return frozenset(held.role for held in self.held)

    def teams(self, role: Role) -> frozenset[str]:
        """Return the teams for which this role is held."""
        return frozenset(held.team for held in self.held if held.role is role and held.team is not None)


SYSTEM = Principal("system", "system", (Held(Role.SYSTEM),))
"""The backend itself: set-up, scheduled reactions, recovery after a crash."""


@dataclass(frozen=True, slots=True)
class Context:
    """One call's who, why and from where.

    ``purpose`` is a short machine word; ``reason``, ``ticket``, ``client_address`` and ``user_agent`` may be personal
    and go to the erasable details of the ledger entry.
    """

    principal: Principal
    correlation_id: str
    purpose: str = ""
    idempotency_key: str | None = None
    reason: str = ""
    ticket: str = ""
    client_address: str = ""
    user_agent: str = ""
    on_behalf_of: str | None = None

    def internal(self, idempotency_key: str) -> Context:
        """Return the context of an internal second step of the same call, with a key that no caller can choose."""
        return replace(self, idempotency_key=f"{INTERNAL_KEY}{idempotency_key}")

    def without_key(self) -> Context:
        """Return the context of a fact that is recorded beside the call, such as its refusal."""
        return replace(self, idempotency_key=None)

"""From an identity to a principal: which roles the grants give to proven groups, and which are withheld."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from commands.context import Authentication, Held, Principal, PrincipalKind, Role
from domain.access.grant import GRAVE_ROLES, GrantedRole, SubjectKind
from domain.errors import Denied

_GRAVE = frozenset(map(Role, GRAVE_ROLES))


class Grants(Protocol):
    """The grants in force, read at the head of the ledger and never from a lagging view."""

    def held(self, provider: str, subject_kind: SubjectKind, subjects: Iterable[str]) -> tuple[Held, ...]:
        """Return what the exact, case-sensitive ``subjects`` hold by the grants in force now."""


def person(pseudonym: str, held: tuple[Held, ...], proof: Authentication, *, confirmed: bool = True) -> Principal:
    """Return a person's principal.

    SEC_OPS and ADMIN are withheld without proven MFA, and while the provider could not confirm the session
    (``confirmed`` is false).
    """
    withheld = frozenset() if proof.mfa and confirmed else _GRAVE
    return _principal(pseudonym, "person", held, withheld, proof)


def machine(pseudonym: str, held: tuple[Held, ...], proof: Authentication) -> Principal:
    """Return a machine's principal; SEC_OPS and ADMIN never reach it, whatever a group says."""
    return _principal(pseudonym, "machine", held, _GRAVE, proof)


def agent(host_id: str, *, key_sha256: str | None = None) -> Principal:
    """Return the principal of a host's agent: known by the key it proved, or (None) enrolling by a bootstrap token."""
    proof = Authentication("mutual-tls" if key_sha256 else "bootstrap-token", key_sha256=key_sha256)
    return Principal(f"agent:{host_id}", "agent", (Held(Role.AGENT),), proof, host_id)


def check_may_grant(role: GrantedRole, principal: Principal) -> frozenset[str]:
    """Return the grants that giving or taking this role rests on beside the caller's right to the act.

    Raises Denied unless the principal may: SEC_OPS and ADMIN are an ADMIN's to grant.
    """
    if role not in GRAVE_ROLES:
        return frozenset()
    held = next((held for held in principal.held if held.role in {Role.ADMIN, Role.SYSTEM}), None)
    if held is None:
        raise Denied(
            f"{role} is granted and withdrawn by ROLE_ADMIN only", rule="grave-grant", fix="ask an administrator"
        )
    return frozenset({held.grant} if held.grant else ())


def _principal(
    pseudonym: str, kind: PrincipalKind, held: tuple[Held, ...], withheld: frozenset[Role], proof: Authentication
) -> Principal:
    return Principal(pseudonym, kind, tuple(one for one in held if one.role not in withheld), proof)

"""A grant binds a group of an identity provider, or a machine client, to a role."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event
from domain.errors import InvalidInput, WrongState

GrantedRole = Literal["ROLE_VIEWER", "ROLE_DEVOPS", "ROLE_SEC_OPS", "ROLE_ADMIN"]
GRAVE_ROLES: frozenset[GrantedRole] = frozenset({"ROLE_SEC_OPS", "ROLE_ADMIN"})
"""Only people hold them, with proven multi-factor authentication, and only ROLE_ADMIN gives or takes them."""

SubjectKind = Literal["group", "client"]


class Grant(Aggregate):
    """Whoever proves membership of ``subject`` at ``provider`` holds ``role``, for ``team_id`` or globally."""

    def __init__(self) -> None:
        self.role: GrantedRole = "ROLE_VIEWER"
        self.withdrawn = False

    class Granted(base.Created):
        """The binding is in force from here on."""

        TOPIC: ClassVar[str] = "sslclm.grant.granted.v1"
        provider: str
        subject_kind: SubjectKind
        subject: str
        role: GrantedRole
        team_id: str | None

        def apply(self, grant: Grant) -> None:
            grant.role = self.role

    class Withdrawn(Event):
        """The binding is in force no more."""

        TOPIC: ClassVar[str] = "sslclm.grant.withdrawn.v1"

        def apply(self, grant: Grant) -> None:
            grant.withdrawn = True

    @classmethod
    def give(
        cls,
        *,
        stream_id: str,
        provider: str,
        subject_kind: SubjectKind,
        subject: str,
        role: GrantedRole,
        team_id: str | None,
        at: datetime,
    ) -> Grant:
        """Grant a role: ROLE_DEVOPS for a team, the others globally; a machine gets ROLE_DEVOPS or ROLE_VIEWER only."""
        _check(subject_kind, role, team_id)
        return cls.begin(
            cls.Granted,
            stream_id=stream_id,
            at=at,
            provider=provider,
            subject_kind=subject_kind,
            subject=subject,
            role=role,
            team_id=team_id,
        )

    def withdraw(self, *, at: datetime) -> None:
        """Withdraw the grant; sessions lose the role with their next request."""
        if self.withdrawn:
            raise WrongState("the grant is withdrawn already", rule="grant-withdrawn", fix="nothing is left to do")
        self.record(self.Withdrawn, at=at)


def _check(subject_kind: SubjectKind, role: GrantedRole, team_id: str | None) -> None:
    if (role == "ROLE_DEVOPS") != (team_id is not None):
        raise InvalidInput(
            f"{role} is held {'for a team' if role == 'ROLE_DEVOPS' else 'globally'}",
            rule="grant-scope",
            fix="name a team for ROLE_DEVOPS, and none for the other roles",
        )
    if subject_kind == "client" and role in GRAVE_ROLES:
        raise InvalidInput(
            "a machine never holds ROLE_SEC_OPS or ROLE_ADMIN",
            rule="machine-role",
            fix="grant the machine ROLE_DEVOPS for its team, or ROLE_VIEWER",
        )

"""The grants: which group or client holds which role. For reading; rights are taken at the head of the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.access.grant import Grant, GrantedRole, SubjectKind
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, equals


class GrantRow(TypedDict):
    """One grant; ``team_id`` is None where the role is held globally. ``withdrawn_us`` is None while it is in force."""

    grant_id: str
    provider: str
    subject_kind: SubjectKind
    subject: str
    role: GrantedRole
    team_id: str | None
    in_force: bool
    granted_us: int
    granted_by: str
    withdrawn_us: int | None
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantFilter(Filter):
    """Which grants."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"newest": Order("created", descending=True)}
    order: str = "newest"
    provider: str | None = equals("provider")
    subject_kind: str | None = equals("subject_kind")
    subject: str | None = equals("subject")
    role: str | None = equals("role")
    team_id: str | None = equals("team_id")
    in_force: bool | None = equals("in_force")


def _granted(rows: Rows[GrantRow], fact: Fact[Grant.Granted]) -> None:
    event = fact.event
    rows.add(
        GrantRow(
            grant_id=fact.stream_id,
            provider=event.provider,
            subject_kind=event.subject_kind,
            subject=event.subject,
            role=event.role,
            team_id=event.team_id,
            in_force=True,
            granted_us=microseconds(event.timestamp),
            granted_by=fact.actor,
            withdrawn_us=None,
            created=fact.position,
            changed=fact.position,
        )
    )


def _withdrawn(rows: Rows[GrantRow], fact: Fact[Grant.Withdrawn]) -> None:
    if row := rows.get(fact.stream_id):
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "in_force": False, "withdrawn_us": at, "changed": fact.position})


GRANTS: Projection[GrantRow] = Projection(
    name="grants",
    version=1,
    key="grant_id",
    columns={
        "provider": "text",
        "subject_kind": "text",
        "subject": "text",
        "role": "text",
        "team_id": "text",
        "in_force": "boolean",
        "created": "integer",
    },
    indexes=(("provider", "subject_kind", "subject"), ("team_id",), ("created",)),
    scope="team_id",
    folds=dict((on(Grant.Granted, _granted), on(Grant.Withdrawn, _withdrawn))),
)

"""The teams, by name, and whether anybody is there for what they own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.access.grant import Grant
from domain.access.team import Team
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, equals


class TeamRow(TypedDict):
    """One team.

    ``contact_id``: under which the erasable directory keeps its address. ``grant_ids``: the grants in force for it.
    ``kept``: it has both; what another team owns is *unowned* in fact.
    """

    team_id: str
    name: str
    contact_id: str | None
    grant_ids: list[str]
    kept: bool
    created_us: int
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFilter(Filter):
    """Which teams."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"name": Order("name")}
    order: str = "name"
    name: str | None = equals("name")
    kept: bool | None = equals("kept")


def _created(rows: Rows[TeamRow], fact: Fact[Team.Created]) -> None:
    at = microseconds(fact.event.timestamp)
    row = TeamRow(
        team_id=fact.stream_id,
        name=fact.event.name,
        contact_id=None,
        grant_ids=[],
        kept=False,
        created_us=at,
        created=fact.position,
    )
    rows.add(row)


def _put(rows: Rows[TeamRow], row: TeamRow) -> None:
    rows.put({**row, "kept": bool(row["contact_id"] and row["grant_ids"])})


def _contact(rows: Rows[TeamRow], fact: Fact[Team.ContactNamed]) -> None:
    if row := rows.get(fact.stream_id):
        _put(rows, {**row, "contact_id": fact.event.contact_id})


def _granted(rows: Rows[TeamRow], fact: Fact[Grant.Granted]) -> None:
    if row := rows.get(fact.event.team_id or ""):
        _put(rows, {**row, "grant_ids": [*row["grant_ids"], fact.stream_id]})


def _withdrawn(rows: Rows[TeamRow], fact: Fact[Grant.Withdrawn]) -> None:
    for row in rows.having("grants", fact.stream_id):
        _put(rows, {**row, "grant_ids": [one for one in row["grant_ids"] if one != fact.stream_id]})


TEAMS: Projection[TeamRow] = Projection(
    name="teams",
    version=2,
    key="team_id",
    columns={"name": "text", "kept": "boolean"},
    many={"grants": ("grant_ids",)},
    indexes=(("name",),),
    lookups=("grants",),
    scope="team_id",
    folds=dict(
        (
            on(Team.Created, _created),
            on(Team.ContactNamed, _contact),
            on(Grant.Granted, _granted),
            on(Grant.Withdrawn, _withdrawn),
        )
    ),
)

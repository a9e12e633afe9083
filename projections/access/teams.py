"""The teams, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.access.team import Team
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, equals


class TeamRow(TypedDict):
    """One team."""

    team_id: str
    name: str
    created_us: int
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFilter(Filter):
    """Which teams."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"name": Order("name")}
    order: str = "name"
    name: str | None = equals("name")


def _created(rows: Rows[TeamRow], fact: Fact[Team.Created]) -> None:
    at = microseconds(fact.event.timestamp)
    rows.add(TeamRow(team_id=fact.stream_id, name=fact.event.name, created_us=at, created=fact.position))


TEAMS: Projection[TeamRow] = Projection(
    name="teams",
    version=1,
    key="team_id",
    columns={"name": "text"},
    indexes=(("name",),),
    scope="team_id",
    folds=dict((on(Team.Created, _created),)),
)

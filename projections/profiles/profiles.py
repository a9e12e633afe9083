"""The profiles with their present content; an order names the version it was judged by, the ledger has the former."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypedDict

from domain.moments import microseconds
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, equals, holds


class ProfileRow(TypedDict):
    """One profile. ``number`` counts the versions of its content from 1; ``spec`` is the JSON of a ProfileSpec."""

    profile_id: str
    name: str
    state: Literal["in-force", "retired"]
    number: int
    issuer_id: str
    teams: list[str]
    spec: dict[str, Any]
    changed_us: int
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileFilter(Filter):
    """Which profiles; ``team_id``: those that this team may use."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"name": Order("name")}
    order: str = "name"
    name: str | None = equals("name")
    state: str | None = equals("state")
    issuer_id: str | None = equals("issuer_id")
    team_id: str | None = holds("teams")


def _row(fact: Fact[Any], spec: ProfileSpec, number: int, created: int) -> ProfileRow:
    return ProfileRow(
        profile_id=fact.stream_id,
        name=spec.name,
        state="in-force",
        number=number,
        issuer_id=spec.issuer_id,
        teams=list(spec.teams),
        spec=spec.model_dump(mode="json"),
        changed_us=microseconds(fact.event.timestamp),
        created=created,
        changed=fact.position,
    )


def _defined(rows: Rows[ProfileRow], fact: Fact[Profile.Defined]) -> None:
    rows.add(_row(fact, fact.event.spec, 1, fact.position))


def _revised(rows: Rows[ProfileRow], fact: Fact[Profile.Revised]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put(_row(fact, fact.event.spec, row["number"] + 1, row["created"]))


def _retired(rows: Rows[ProfileRow], fact: Fact[Profile.Retired]) -> None:
    if row := rows.get(fact.stream_id):
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "state": "retired", "changed_us": at, "changed": fact.position})


PROFILES: Projection[ProfileRow] = Projection(
    name="profiles",
    version=1,
    key="profile_id",
    columns={"name": "text", "state": "text", "issuer_id": "text"},
    many={"teams": ("teams",)},
    indexes=(("name",),),
    scope="teams",
    folds=dict((on(Profile.Defined, _defined), on(Profile.Revised, _revised), on(Profile.Retired, _retired))),
)

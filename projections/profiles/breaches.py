"""The breaches: which living certificate breaks which rule that is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict

from domain.certificates.certificate import Certificate
from domain.moments import microseconds
from domain.profiles.breach import PolicyBreach
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, any_of, at_least, equals

State = Literal["open", "cleared", "ended"]


class BreachRow(TypedDict):
    """One rule that one certificate breaks.

    ``cleared``: it breaks it no more; ``ended``: the certificate is revoked or replaced. ``not_after_us`` is the
    certificate's: what has expired breaks nothing.
    """

    breach_id: str
    certificate_id: str
    team_id: str | None
    rule: str
    state: State
    message: str
    citation: str
    not_after_us: int
    found_us: int
    created: int
    changed: int
    changed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachFilter(Filter):
    """Which breaches, the newest first; ``alive_at_us``: of certificates that have not expired at that moment."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"newest": Order("created", descending=True)}
    order: str = "newest"
    state: str | None = equals("state")
    team_id: str | None = equals("team_id")
    rule: str | None = equals("rule")
    certificate_id: str | None = equals("certificate_id")
    certificate_ids: tuple[str, ...] | None = any_of("certificate_id")
    alive_at_us: int | None = at_least("not_after_us")


def _found(rows: Rows[BreachRow], fact: Fact[PolicyBreach.Found]) -> None:
    event = fact.event
    at = microseconds(event.timestamp)
    rows.add(
        BreachRow(
            breach_id=fact.stream_id,
            certificate_id=event.certificate_id,
            team_id=event.team_id,
            rule=event.rule,
            state="open",
            message=event.message,
            citation=event.citation,
            not_after_us=microseconds(event.not_after),
            found_us=at,
            created=fact.position,
            changed=fact.position,
            changed_us=at,
        )
    )


def _again(rows: Rows[BreachRow], fact: Fact[PolicyBreach.FoundAgain]) -> None:
    if row := rows.get(fact.stream_id):
        at = microseconds(fact.event.timestamp)
        again: BreachRow = {**row, "state": "open", "message": fact.event.message, "found_us": at}
        rows.put({**again, "changed": fact.position, "changed_us": at})


def _cleared(rows: Rows[BreachRow], fact: Fact[PolicyBreach.Cleared]) -> None:
    if row := rows.get(fact.stream_id):
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "state": "cleared", "changed": fact.position, "changed_us": at})


def _ended(rows: Rows[BreachRow], fact: Fact[Certificate.Revoked] | Fact[Certificate.Superseded]) -> None:
    at = microseconds(fact.event.timestamp)
    for row in rows.having("certificate_id", fact.stream_id):
        if row["state"] == "open":
            rows.put({**row, "state": "ended", "changed": fact.position, "changed_us": at})


def _owner(rows: Rows[BreachRow], fact: Fact[Certificate.OwnershipMoved]) -> None:
    for row in rows.having("certificate_id", fact.stream_id):
        rows.put({**row, "team_id": fact.event.team_id, "changed": fact.position})


BREACHES: Projection[BreachRow] = Projection(
    name="breaches",
    version=1,
    key="breach_id",
    columns={
        "certificate_id": "text",
        "team_id": "text",
        "rule": "text",
        "state": "text",
        "not_after_us": "integer",
        "created": "integer",
    },
    indexes=(("certificate_id",), ("team_id", "created"), ("state", "rule"), ("created",)),
    lookups=("certificate_id",),
    scope="team_id",
    folds=dict(
        (
            on(PolicyBreach.Found, _found),
            on(PolicyBreach.FoundAgain, _again),
            on(PolicyBreach.Cleared, _cleared),
            on(Certificate.Revoked, _ended),
            on(Certificate.Superseded, _ended),
            on(Certificate.OwnershipMoved, _owner),
        )
    ),
)

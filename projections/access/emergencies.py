"""The emergencies: which expired certificates of identity providers are, or were, believed, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.access.emergency import Emergency
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, at_least, equals


class EmergencyRow(TypedDict):
    """One emergency; ``open`` until its end is recorded. After ``until`` nothing is believed, recorded or not."""

    emergency_id: str
    provider: str
    leaf_sha256: str
    until_us: int
    opened_us: int
    open: bool
    cause: str | None
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyFilter(Filter):
    """Which emergencies."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"newest": Order("created", descending=True)}
    order: str = "newest"
    provider: str | None = equals("provider")
    open: bool | None = equals("open")
    until_from_us: int | None = at_least("until_us")


def _opened(rows: Rows[EmergencyRow], fact: Fact[Emergency.Opened]) -> None:
    event = fact.event
    rows.add(
        EmergencyRow(
            emergency_id=fact.stream_id,
            provider=event.provider,
            leaf_sha256=event.leaf_sha256,
            until_us=microseconds(event.until),
            opened_us=microseconds(event.timestamp),
            open=True,
            cause=None,
            created=fact.position,
            changed=fact.position,
        )
    )


def _ended(rows: Rows[EmergencyRow], fact: Fact[Emergency.Ended]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "open": False, "cause": fact.event.cause, "changed": fact.position})


EMERGENCIES: Projection[EmergencyRow] = Projection(
    name="emergencies",
    version=1,
    key="emergency_id",
    columns={"provider": "text", "open": "boolean", "until_us": "integer", "created": "integer"},
    indexes=(("open", "created"), ("created",)),
    folds=dict((on(Emergency.Opened, _opened), on(Emergency.Ended, _ended))),
)

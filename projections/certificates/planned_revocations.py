"""The planned revocations: certificates that are good now and will be revoked, by when and after which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

from domain.certificates.certificate import Certificate
from domain.certificates.order import Order as OrderAggregate
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, below, equals


class PlannedRow(TypedDict):
    """One planned revocation; ``replaced``: its place is taken by what it waits for. ``position``: of its plan."""

    certificate_id: str
    at_latest_us: int
    order_id: str | None
    replaced: bool
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFilter(Filter):
    """Which plans; the one with the nearest deadline comes first."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"deadline": Order("at_latest_us")}
    order: str = "deadline"
    before_us: int | None = below("at_latest_us")
    replaced: bool | None = equals("replaced")


def _planned(rows: Rows[PlannedRow], fact: Fact[Certificate.RevocationPlanned]) -> None:
    event = fact.event
    rows.put(
        PlannedRow(
            certificate_id=fact.stream_id,
            at_latest_us=microseconds(event.at_latest),
            order_id=event.order_id,
            replaced=False,
            position=fact.position,
        )
    )


def _over(rows: Rows[PlannedRow], fact: Fact[Any]) -> None:
    rows.delete(fact.stream_id)


def _fulfilled(rows: Rows[PlannedRow], fact: Fact[OrderAggregate.Fulfilled]) -> None:
    for row in rows.having("order_id", fact.stream_id):
        rows.put({**row, "replaced": True})


def _superseded(rows: Rows[PlannedRow], fact: Fact[Certificate.Superseded]) -> None:
    row = rows.get(fact.stream_id)
    if row is not None and row["order_id"] is not None:
        rows.put({**row, "replaced": True})


PLANNED_REVOCATIONS: Projection[PlannedRow] = Projection(
    name="planned_revocations",
    version=1,
    key="certificate_id",
    columns={"at_latest_us": "integer", "order_id": "text", "replaced": "boolean"},
    indexes=(("at_latest_us",), ("order_id",), ("replaced",)),
    lookups=("order_id",),
    folds=dict(
        (
            on(Certificate.RevocationPlanned, _planned),
            on(Certificate.RevocationCalledOff, _over),
            on(Certificate.Revoked, _over),
            on(Certificate.Superseded, _superseded),
            on(OrderAggregate.Fulfilled, _fulfilled),
        )
    ),
)

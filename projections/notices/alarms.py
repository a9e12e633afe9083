"""The alarms: which dates come near, and how near they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.moments import microseconds
from domain.notices.alarm import Alarm, AlarmKind
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, equals


class AlarmRow(TypedDict):
    """One alarm; ``level`` 0 and ``raised`` false: its cause is gone."""

    alarm_id: str
    kind: AlarmKind
    object_id: str
    due_us: int
    level: int
    raised: bool
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFilter(Filter):
    """Which alarms."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"due": Order("due_us")}
    order: str = "due"
    kind: str | None = equals("kind")
    object_id: str | None = equals("object_id")
    raised: bool | None = equals("raised")


def _raised(rows: Rows[AlarmRow], fact: Fact[Alarm.Raised]) -> None:
    event = fact.event
    rows.add(
        AlarmRow(
            alarm_id=fact.stream_id,
            kind=event.kind,
            object_id=event.object_id,
            due_us=microseconds(event.due),
            level=event.level,
            raised=True,
            created=fact.position,
            changed=fact.position,
        )
    )


def _escalated(rows: Rows[AlarmRow], fact: Fact[Alarm.Escalated]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "level": fact.event.level, "raised": True, "changed": fact.position})


def _cleared(rows: Rows[AlarmRow], fact: Fact[Alarm.Cleared]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "level": 0, "raised": False, "changed": fact.position})


ALARMS: Projection[AlarmRow] = Projection(
    name="alarms",
    version=1,
    key="alarm_id",
    columns={"kind": "text", "object_id": "text", "due_us": "integer", "raised": "boolean"},
    indexes=(("raised", "due_us"), ("object_id",), ("due_us",)),
    folds=dict((on(Alarm.Raised, _raised), on(Alarm.Escalated, _escalated), on(Alarm.Cleared, _cleared))),
)

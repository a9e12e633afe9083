"""Audit search: where in the ledger to look. One small row per event: ids, actors and words; bodies are in the ledger.

``object_id`` finds every event that concerns an object: those of its own stream and those that mention it, so that the
history of a certificate, an order or a host is one question. What happens to an order's certificate later mentions the
certificate only: its history is asked for by its own id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, TypedDict

from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order as OrderAggregate
from domain.profiles.profile import Profile
from projections.base import Fact, Projection, Rows
from projections.query import Filter, Order, at_least, below, equals, holds, prefix

_NOT_OBJECTS = frozenset({"originator_id", "key_id"})


class AuditRow(TypedDict):
    """One event. ``objects``: the ids it mentions beside its own stream's. Words that are absent are empty."""

    position: int
    first_position: int
    recorded_at_us: int
    actor: str
    role: str
    command: str
    topic: str
    stream_id: str
    objects: list[str]
    correlation_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter(Filter):
    """Which events; ``topic`` is a beginning, as in ``sslclm.certificate.``; times are the writer's clock."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "newest": Order("position", descending=True),
        "oldest": Order("position"),
    }
    order: str = "newest"
    actor: str | None = equals("actor")
    command: str | None = equals("command")
    object_id: str | None = holds("concerned")
    topic: str | None = prefix("topic")
    correlation_id: str | None = equals("correlation_id")
    from_us: int | None = at_least("recorded_at_us")
    before_us: int | None = below("recorded_at_us")
    from_position: int | None = at_least("position")


@cache
def _id_fields(event: type[Event]) -> tuple[str, ...]:
    return tuple(name for name in event.model_fields if name.endswith("_id") and name not in _NOT_OBJECTS)


def mentioned(event: Event) -> list[str]:
    """Return the ids of the objects that an event names, each once, in the order of its members."""
    found = [getattr(event, name) for name in _id_fields(type(event))]
    match event:
        case OrderAggregate.Requested():
            found += [target.host_id for target in event.targets]
        case Profile.Defined() | Profile.Revised():
            found += [event.spec.issuer_id, *event.spec.teams]
        case Certificate.Superseded():
            found.append(event.by)
    return [one for one in dict.fromkeys(found) if one]


def _note(rows: Rows[AuditRow], fact: Fact[Any]) -> None:
    rows.add(
        AuditRow(
            position=fact.position,
            first_position=fact.first_position,
            recorded_at_us=fact.recorded_at_us,
            actor=fact.actor,
            role=fact.role,
            command=fact.command,
            topic=fact.topic,
            stream_id=fact.stream_id,
            objects=[one for one in mentioned(fact.event) if one != fact.stream_id] if fact.event else [],
            correlation_id=fact.correlation_id,
        )
    )


AUDIT: Projection[AuditRow] = Projection(
    name="audit",
    version=1,
    key="position",
    key_type="integer",
    columns={
        "recorded_at_us": "integer",
        "actor": "text",
        "command": "text",
        "topic": "text",
        "stream_id": "text",
        "correlation_id": "text",
    },
    many={"concerned": ("stream_id", "objects")},
    indexes=(("actor",), ("topic",), ("correlation_id",), ("recorded_at_us",)),
    every=_note,
)

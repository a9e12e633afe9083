"""Audit search: where in the ledger to look. One small row per event: ids, actors and words; bodies are in the ledger.

``object_id`` finds every event that concerns an object: those of its own stream, those that mention it, and those of
what it belongs to (``projections/audit/ties.py``), so that the history of a certificate from its order to its
deployments, or of a key, is one question. With ``accesses`` it is "who accessed this?".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from domain.base import Event
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order as OrderAggregate
from domain.ids import kind_of
from domain.keys.key import Key
from domain.keys.reveal import Reveal
from domain.profiles.profile import Profile
from projections.audit.meanings import MEANINGS, Access
from projections.audit.ties import Approval, Begun, Ties, approved_by, moved_to, no_ties, ties_of
from projections.base import ITSELF, Fact, Projection, Rows
from projections.query import Filter, Order, any_of, at_least, below, equals, holds, prefix

TIED_AT_MOST = 16
"""Certificates of one key in whose history the key's own events stand; for those that follow, ask for the key."""

_NOT_OBJECTS = frozenset({"originator_id", "key_id"})


class AuditRow(Ties):
    """One event. ``objects``: the ids it concerns beside its own stream's. Words that are absent are empty.

    ``access``: what kind of access to a key or certificate it is; None where it is none. ``rule``: by which it was
    refused. ``purpose``: what for, a machine word. ``begins``: the stream whose first event it is.
    """

    position: int
    first_position: int
    recorded_at_us: int
    actor: str
    role: str
    command: str
    purpose: str
    topic: str
    stream_id: str
    objects: list[str]
    correlation_id: str
    access: Access | None
    rule: str
    begins: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter(Filter):
    """Which events; ``topic`` is a beginning, as in ``sslclm.certificate.``; times are the writer's clock.

    ``accesses``: only events that are an access of some kind; ``access``: of this one.
    """

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "newest": Order("position", descending=True),
        "oldest": Order("position"),
    }
    order: str = "newest"
    actor: str | None = equals("actor")
    command: str | None = equals("command")
    object_id: str | None = holds("concerned")
    access: str | None = equals("access")
    accesses: tuple[str, ...] | None = any_of("access")
    topic: str | None = prefix("topic")
    correlation_id: str | None = equals("correlation_id")
    from_us: int | None = at_least("recorded_at_us")
    before_us: int | None = below("recorded_at_us")
    from_position: int | None = at_least("position")
    before_position: int | None = below("position")


@cache
def _id_fields(event: type[Event]) -> tuple[str, ...]:
    return tuple(name for name in event.model_fields if name.endswith("_id") and name not in _NOT_OBJECTS)


@cache
def _list_fields(event: type[Event]) -> tuple[str, ...]:
    return tuple(name for name in event.model_fields if name.endswith("_ids"))


def mentioned(event: Event) -> list[str]:
    """Return the ids of the objects that an event names, each once, in the order of its members."""
    found = [getattr(event, name) for name in _id_fields(type(event))]
    found += [one for name in _list_fields(type(event)) for one in getattr(event, name)]
    match event:
        case OrderAggregate.Requested():
            found += [target.host_id for target in event.targets]
        case Profile.Defined() | Profile.Revised():
            found += [event.spec.issuer_id, *event.spec.teams]
        case Certificate.Superseded():
            found.append(event.by)
    return [one for one in dict.fromkeys(found) if one]


def _note(rows: Rows[AuditRow], fact: Fact[Any]) -> None:
    event: Event | None = fact.event
    begun = _begun(rows, fact.stream_id if fact.stream_version == 1 else "")
    ties = ties_of(event, fact.stream_id, begun) if event else no_ties()
    meaning = MEANINGS.get(type(event)) if event else None
    rows.add(
        AuditRow(
            **ties,
            position=fact.position,
            first_position=fact.first_position,
            recorded_at_us=fact.recorded_at_us,
            actor=fact.actor,
            role=fact.role,
            command=fact.command,
            purpose=fact.entry.text("purpose") or _purpose(event),
            topic=fact.topic,
            stream_id=fact.stream_id,
            objects=_objects(event, ties, fact.stream_id, begun) if event else [],
            correlation_id=fact.correlation_id,
            access=meaning.access if meaning else None,
            rule=vars(event).get("rule", "") if event else "",
            begins=fact.stream_id if fact.stream_version == 1 else None,
        )
    )
    if type(event) in _REMEMBERED:
        _remember(rows, fact, _begun(rows))


def _begun(rows: Rows[AuditRow], beginning: str = "") -> Callable[[str], AuditRow | None]:
    """Return what finds a stream's first row, and asks for each once; ``beginning`` is a stream that has none yet."""
    known: dict[str, AuditRow | None] = {beginning: None}

    def begun(stream_id: str) -> AuditRow | None:
        if stream_id not in known:
            found = rows.having("begins", stream_id)
            known[stream_id] = found[0] if found else None
        return known[stream_id]

    return begun


def _purpose(event: Event | None) -> str:
    if isinstance(event, OrderAggregate.Approved):
        return f"by {event.by}"
    members = vars(event) if event else {}
    named = (members.get(name) for name in ("purpose", "action", "view", "cause"))
    return next((one for one in named if isinstance(one, str)), "")


def _objects(event: Event, ties: Ties, stream_id: str, begun: Begun) -> list[str]:
    issuer = begun(ties["issuer_id"]) if ties["issuer_id"] else None
    tied = (ties["certificate_id"], ties["key_id"], ties["order_id"], ties["host_id"], ties["issuer_id"])
    found = [*mentioned(event), *tied, issuer["key_id"] if issuer else None]
    if ties["certificate_id"] is None:  # what is done to a key or an order is done to each certificate of it
        rows = [begun(one) for one in (ties["key_id"], ties["order_id"]) if one]
        found += [one for row in rows if row for one in row["objects"] if kind_of(one) in {"certificate", "key"}]
    return [one for one in dict.fromkeys(found) if one and one != stream_id]


def _remember(rows: Rows[AuditRow], fact: Fact[Any], begun: Callable[[str], AuditRow | None]) -> None:
    """Keep with the stream's first row what later events inherit: who approved, who owns it, its certificates."""
    event: Event = fact.event
    first = begun(fact.stream_id)
    if first is None:
        return
    if owner := moved_to(event):
        rows.put({**first, "owner": owner})
    if by := approved_by(event):
        rows.put({**first, "granted": [*first["granted"], Approval(position=fact.position, by=by)]})
    match event:
        case OrderAggregate.KeyAccepted():
            _tie(rows, fact, fact.stream_id)
        case Certificate.IssuanceStarted() | Certificate.Imported():
            key_id = Key.id_for(event.spki_sha256)
            if _is_young(begun(key_id)):
                _tie(rows, fact, key_id)


_REMEMBERED = frozenset({
    OrderAggregate.ApprovalGiven, OrderAggregate.Approved, OrderAggregate.KeyAccepted, Reveal.Approved,
    Certificate.IssuanceStarted, Certificate.Imported, Certificate.OwnershipMoved, Key.OwnerMoved,
})  # fmt: skip
"""What :func:`_remember` has something to keep of."""


def _is_young(key: AuditRow | None) -> bool:
    """Tell whether a key has few certificates yet; a pipeline may have one key certified ten thousand times."""
    return key is not None and sum(kind_of(one) == "certificate" for one in key["objects"]) < TIED_AT_MOST


def _tie(rows: Rows[AuditRow], fact: Fact[Any], subject: str) -> None:
    """Make what was done to an order or a key part of the history of a certificate that came of it."""
    here = rows.get(fact.position)
    assert here is not None
    came = [one for one in (here["certificate_id"], here["key_id"]) if one]
    for row in rows.having("concerned", subject):
        if row["certificate_id"] is None:
            more = [one for one in came if one not in (row["stream_id"], *row["objects"])]
            rows.put({**row, "objects": [*row["objects"], *more]})


AUDIT: Projection[AuditRow] = Projection(
    name="audit",
    version=3,
    key="position",
    key_type="integer",
    columns={
        "recorded_at_us": "integer",
        "actor": "text",
        "command": "text",
        "topic": "text",
        "stream_id": "text",
        "correlation_id": "text",
        "access": "text",
        "begins": "text",
    },
    many={"concerned": ("stream_id", "objects"), "teams": ("teams",)},
    indexes=(("actor",), ("topic",), ("correlation_id",), ("recorded_at_us",), ("begins",)),
    selective=("correlation_id",),
    rising=("recorded_at_us",),  # the ledger's writer sees to that
    lookups=("concerned", "begins"),
    unique=("begins",),
    scope="teams",
    wakes=ITSELF,
    every=_note,
)

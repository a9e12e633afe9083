"""The keys: where each private key lives, whose it is, who has had it in hand; never its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

from domain.certificates.certificate import Certificate
from domain.keys.key import CopyEnd, Key, Made
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on, touched
from projections.query import Filter, Order, any_of, equals, holds

CERTIFICATES_KEPT = 16
"""The newest of a key that a row names; a pipeline may have one key certified ten thousand times. The inventory finds
all by the key's ``spki_sha256``."""


class KeyRow(TypedDict):
    """One key.

    ``made``: who made it; ``host_id``: the host it was made on or for. ``held``: the key store has a copy, under
    ``stored_as``, an id that stays after the copy's end so that the sweep knows it. ``deliveries``: how often a copy
    left for an agent. ``seen``: a person has it, or may have it. ``created`` and ``changed`` are ledger positions.
    """

    key_id: str
    spki_sha256: str
    algorithm: str | None
    team_id: str | None
    made: Made
    host_id: str | None
    stored_as: str | None
    held: bool
    archived: bool
    copy_ended: CopyEnd | None
    deliveries: int
    delivered_us: int | None
    seen: bool
    seen_us: int | None
    compromised: bool
    certificate_ids: list[str]
    introduced_us: int
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFilter(Filter):
    """Which keys."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"newest": Order("created", descending=True)}
    order: str = "newest"
    team_id: str | None = equals("team_id")
    made: str | None = equals("made")
    host_id: str | None = equals("host_id")
    held: bool | None = equals("held")
    seen: bool | None = equals("seen")
    archived: bool | None = equals("archived")
    stored_as: tuple[str, ...] | None = any_of("stored_as")
    certificate_id: str | None = holds("certificates")


def _introduced(rows: Rows[KeyRow], fact: Fact[Key.Introduced]) -> None:
    event = fact.event
    rows.add(
        KeyRow(
            key_id=fact.stream_id,
            spki_sha256=event.spki_sha256,
            algorithm=event.algorithm,
            team_id=event.team_id,
            made=event.made,
            host_id=event.host_id,
            stored_as=event.stored_as,
            held=event.stored_as is not None,
            archived=False,
            copy_ended=None,
            deliveries=0,
            delivered_us=None,
            seen=False,
            seen_us=None,
            compromised=False,
            certificate_ids=[],
            introduced_us=microseconds(event.timestamp),
            created=fact.position,
            changed=fact.position,
        )
    )


def _certified(rows: Rows[KeyRow], fact: Fact[Any]) -> None:
    if row := rows.get(Key.id_for(fact.event.spki_sha256)):
        newest = [*row["certificate_ids"], fact.stream_id][-CERTIFICATES_KEPT:]
        rows.put({**row, "certificate_ids": newest, "changed": fact.position})


def _delivered(rows: Rows[KeyRow], fact: Fact[Key.DeliveryAuthorised]) -> None:
    if row := touched(rows, fact):
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "deliveries": row["deliveries"] + 1, "delivered_us": at})


def _archived(rows: Rows[KeyRow], fact: Fact[Key.Archived]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "archived": True})


def _seen(rows: Rows[KeyRow], fact: Fact[Key.Seen]) -> None:
    if row := touched(rows, fact):
        imported = [fact.event.by_id] if fact.event.cause == "import" else []
        certificates = list(dict.fromkeys((*row["certificate_ids"], *imported)))
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "seen": True, "seen_us": at, "certificate_ids": certificates})


def _compromised(rows: Rows[KeyRow], fact: Fact[Key.Compromised]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "compromised": True})


def _moved(rows: Rows[KeyRow], fact: Fact[Key.OwnerMoved]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "team_id": fact.event.team_id})


def _copy_destroyed(rows: Rows[KeyRow], fact: Fact[Key.CopyDestroyed]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "held": False, "copy_ended": fact.event.cause})


KEYS: Projection[KeyRow] = Projection(
    name="keys",
    version=2,
    key="key_id",
    columns={
        "team_id": "text",
        "made": "text",
        "host_id": "text",
        "held": "boolean",
        "seen": "boolean",
        "archived": "boolean",
        "stored_as": "text",
        "created": "integer",
    },
    many={"certificates": ("certificate_ids",)},
    indexes=(("team_id", "created"), ("stored_as",), ("held", "created"), ("created",)),
    scope="team_id",
    folds=dict(
        (
            on(Key.Introduced, _introduced),
            on(Certificate.IssuanceStarted, _certified),
            on(Key.DeliveryAuthorised, _delivered),
            on(Key.Archived, _archived),
            on(Key.Seen, _seen),
            on(Key.Compromised, _compromised),
            on(Key.OwnerMoved, _moved),
            on(Key.CopyDestroyed, _copy_destroyed),
        )
    ),
)

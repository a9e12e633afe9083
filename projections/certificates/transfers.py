"""Offers of ownership: which certificate is to go from which team to which, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict

from domain.certificates.certificate import Certificate
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, at_least, equals

State = Literal["open", "accepted", "refused", "withdrawn"]


class TransferRow(TypedDict):
    """The newest offer of one certificate, which both sides see.

    Withdrawn or refused it is its owner's alone again; an ``open`` one past ``valid_until_us`` has expired.
    ``team_id``: the owner; ``offered_by`` is a pseudonym.
    """

    certificate_id: str
    state: State
    team_id: str
    to_team_id: str
    dns_names: list[str]
    ip_addresses: list[str]
    not_after_us: int
    offered_by: str
    offered_us: int
    valid_until_us: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFilter(Filter):
    """Which offers."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"newest": Order("changed", descending=True)}
    order: str = "newest"
    state: str | None = equals("state")
    to_team_id: str | None = equals("to_team_id")
    team_id: str | None = equals("team_id")
    valid_from_us: int | None = at_least("valid_until_us")


def _offered(rows: Rows[TransferRow], fact: Fact[Certificate.OwnershipOffered]) -> None:
    event = fact.event
    rows.put(
        TransferRow(
            certificate_id=fact.stream_id,
            state="open",
            team_id=event.owner_id,
            to_team_id=event.team_id,
            dns_names=list(event.dns_names),
            ip_addresses=list(event.ip_addresses),
            not_after_us=microseconds(event.not_after),
            offered_by=event.offered_by,
            offered_us=microseconds(event.timestamp),
            valid_until_us=microseconds(event.valid_until),
            changed=fact.position,
        )
    )


def _ended(rows: Rows[TransferRow], fact: Fact[Certificate.OwnershipOfferEnded]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "state": fact.event.cause, "to_team_id": "", "changed": fact.position})


def _moved(rows: Rows[TransferRow], fact: Fact[Certificate.OwnershipMoved]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "state": "accepted", "team_id": fact.event.team_id, "changed": fact.position})


TRANSFERS: Projection[TransferRow] = Projection(
    name="transfers",
    version=1,
    key="certificate_id",
    columns={
        "state": "text",
        "team_id": "text",
        "to_team_id": "text",
        "valid_until_us": "integer",
        "changed": "integer",
    },
    many={"sides": ("team_id", "to_team_id")},
    indexes=(("state", "changed"), ("changed",)),
    scope="sides",
    folds=dict(
        (
            on(Certificate.OwnershipOffered, _offered),
            on(Certificate.OwnershipOfferEnded, _ended),
            on(Certificate.OwnershipMoved, _moved),
        )
    ),
)

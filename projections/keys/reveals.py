"""The reveals: who wanted to see which key, who decided, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, TypedDict

from domain.keys.key import Key
from domain.keys.reveal import Form, Reveal, State
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on, touched
from projections.query import Filter, Order, equals


class RevealRow(TypedDict):
    """One reveal.

    ``requester``, ``approver``, ``rejecter`` are pseudonyms. ``request_sha256`` is what an approval has to name;
    ``approved_until_us``: an approval is good until then. ``authorised_us``: from then on the key counts as seen.
    ``form``: how the file was encrypted.
    """

    reveal_id: str
    state: State
    key_id: str
    certificate_id: str
    team_id: str | None
    requester: str
    request_sha256: str
    approver: str | None
    approved_until_us: int | None
    rejecter: str | None
    authorised_us: int | None
    form: Form | None
    requested_us: int
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevealFilter(Filter):
    """Which reveals."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"newest": Order("created", descending=True)}
    order: str = "newest"
    state: str | None = equals("state")
    team_id: str | None = equals("team_id")
    key_id: str | None = equals("key_id")
    certificate_id: str | None = equals("certificate_id")
    requester: str | None = equals("requester")


def _requested(rows: Rows[RevealRow], fact: Fact[Reveal.Requested]) -> None:
    event = fact.event
    rows.add(
        RevealRow(
            reveal_id=fact.stream_id,
            state="waiting",
            key_id=event.key_id,
            certificate_id=event.certificate_id,
            team_id=event.team_id,
            requester=event.requester,
            request_sha256=sha256(fact.state).hexdigest(),
            approver=None,
            approved_until_us=None,
            rejecter=None,
            authorised_us=None,
            form=None,
            requested_us=microseconds(event.timestamp),
            created=fact.position,
            changed=fact.position,
        )
    )


def _approved(rows: Rows[RevealRow], fact: Fact[Reveal.Approved]) -> None:
    if row := touched(rows, fact):
        until = microseconds(fact.event.valid_until)
        rows.put({**row, "state": "approved", "approver": fact.event.approver, "approved_until_us": until})


def _rejected(rows: Rows[RevealRow], fact: Fact[Reveal.Rejected]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "rejected", "rejecter": fact.event.rejecter})


def _authorised(rows: Rows[RevealRow], fact: Fact[Reveal.Authorised]) -> None:
    if row := touched(rows, fact):
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "state": "authorised", "authorised_us": at, "form": fact.event.form})


def _moved(rows: Rows[RevealRow], fact: Fact[Key.OwnerMoved]) -> None:
    """Let the key's new owner see who saw it before, and the former owner no more."""
    for row in rows.having("key_id", fact.stream_id):
        rows.put({**row, "team_id": fact.event.team_id, "changed": fact.position})


REVEALS: Projection[RevealRow] = Projection(
    name="reveals",
    version=2,
    key="reveal_id",
    columns={
        "state": "text",
        "team_id": "text",
        "key_id": "text",
        "certificate_id": "text",
        "requester": "text",
        "created": "integer",
    },
    indexes=(("team_id", "created"), ("certificate_id",), ("key_id",), ("state", "created"), ("created",)),
    lookups=("key_id",),
    scope="team_id",
    folds=dict(
        (
            on(Reveal.Requested, _requested),
            on(Reveal.Approved, _approved),
            on(Reveal.Rejected, _rejected),
            on(Reveal.Authorised, _authorised),
            on(Key.OwnerMoved, _moved),
        )
    ),
)

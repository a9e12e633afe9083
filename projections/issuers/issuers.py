"""The issuers: what is published of each authority, with its latest CRL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.issuers.issuer import Issuer, IssuerKind
from domain.moments import microseconds
from projections.base import EVERYBODY, Fact, Projection, Rows, on
from projections.query import Filter, Order, equals


class DrawnCrl(TypedDict):
    """A CRL number that was drawn: its times, and the ledger position at which it was drawn."""

    number: int
    this_update_us: int
    next_update_us: int
    position: int


class IssuerRow(TypedDict):
    """One authority; everything here is public but for the name of its key.

    ``chain``: certificates in PEM, its own first, up to the root. ``crl``: base64 of the DER of the CRL that is
    served (empty: none yet) with its ``crl_number`` (0: none yet), times, number of entries and SHA-256 in hex;
    ``crl_position`` is the position at which its number was drawn: what was revoked later may be missing in it.
    ``drawn``: numbers that were drawn and whose CRL is not published (yet).
    """

    issuer_id: str
    name: str
    kind: IssuerKind
    slug: str
    chain: list[str]
    fingerprint: str
    not_after_us: int
    key_id: str | None
    key_sealed: bool
    crl_url: str
    aia_url: str
    crl: str
    crl_number: int
    crl_sha256: str
    crl_entries: int
    this_update_us: int | None
    next_update_us: int | None
    crl_position: int
    drawn: list[DrawnCrl]
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuerFilter(Filter):
    """Which authorities."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"name": Order("name")}
    order: str = "name"
    name: str | None = equals("name")
    kind: str | None = equals("kind")
    slug: str | None = equals("slug")
    fingerprint: str | None = equals("fingerprint")


def _created(rows: Rows[IssuerRow], fact: Fact[Issuer.Created]) -> None:
    event = fact.event
    rows.add(
        IssuerRow(
            issuer_id=fact.stream_id,
            name=event.name,
            kind=event.kind,
            slug=event.slug,
            chain=list(event.chain),
            fingerprint=event.fingerprint,
            not_after_us=microseconds(event.not_after),
            key_id=event.key_id,
            key_sealed=event.key_sealed,
            crl_url=event.crl_url,
            aia_url=event.aia_url,
            crl="",
            crl_number=0,
            crl_sha256="",
            crl_entries=0,
            this_update_us=None,
            next_update_us=None,
            crl_position=0,
            drawn=[],
            created=fact.position,
            changed=fact.position,
        )
    )


def _crl_numbered(rows: Rows[IssuerRow], fact: Fact[Issuer.CrlNumbered]) -> None:
    if row := rows.get(fact.stream_id):
        event = fact.event
        drawn = DrawnCrl(
            number=event.number,
            this_update_us=microseconds(event.this_update),
            next_update_us=microseconds(event.next_update),
            position=fact.position,
        )
        rows.put({**row, "drawn": [*row["drawn"], drawn], "changed": fact.position})


def _crl_published(rows: Rows[IssuerRow], fact: Fact[Issuer.CrlPublished]) -> None:
    row, event = rows.get(fact.stream_id), fact.event
    if row is None or event.number < row["crl_number"]:
        return  # a later CRL is served already
    times = next((one for one in row["drawn"] if one["number"] == event.number), None)
    row = {**row, "drawn": [one for one in row["drawn"] if one["number"] > event.number], "changed": fact.position}
    row = {
        **row,
        "this_update_us": times and times["this_update_us"],
        "crl_position": times["position"] if times else 0,
    }
    row = {**row, "next_update_us": times and times["next_update_us"], "crl_entries": event.entries}
    rows.put({**row, "crl": event.crl, "crl_number": event.number, "crl_sha256": event.sha256})


ISSUERS: Projection[IssuerRow] = Projection(
    name="issuers",
    version=1,
    key="issuer_id",
    columns={"name": "text", "kind": "text", "slug": "text", "fingerprint": "text"},
    indexes=(("name",),),
    scope=EVERYBODY,
    folds=dict(
        (
            on(Issuer.Created, _created),
            on(Issuer.CrlNumbered, _crl_numbered),
            on(Issuer.CrlPublished, _crl_published),
        )
    ),
)

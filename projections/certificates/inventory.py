"""The inventory: every certificate whose serial was ever drawn, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, TypedDict

from domain.certificates.certificate import Certificate
from domain.certificates.certificate_state import Purpose
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, any_of, at_least, below, equals, holds

State = Literal["started", "issued", "failed", "superseded", "revoked"]


class InventoryEnd(TypedDict):
    """What became of a certificate.

    ``failure`` is why an issuance ended without one; its serial is revoked as well, so the state of such a row ends as
    ``revoked``. What is good and has ``revoke_at_latest_us`` will be revoked for that reason: once
    ``revocation_order_id`` has replaced it, and then at the latest.
    """

    issued_us: int | None
    revoked_us: int | None
    revocation_reason: str | None
    invalidity_us: int | None
    revoke_at_latest_us: int | None
    revocation_order_id: str | None
    superseded_by: str | None
    failure: str | None


_OPEN: InventoryEnd = {
    "issued_us": None, "revoked_us": None, "revocation_reason": None, "invalidity_us": None,
    "revoke_at_latest_us": None, "revocation_order_id": None, "superseded_by": None, "failure": None,
}  # fmt: skip


class InventoryForeign(TypedDict):
    """What is told of imported certificates; their ``issuer_id`` is one that no issuer of ours has.

    ``ask_there``: addresses of the authority, which are shown and never fetched. ``chain``: base64 of the certificates
    above it, nearest first, without a root. ``with_key``: its private key came along.
    """

    issuer_name: str
    ask_there: list[str]
    chain: list[str]
    with_key: bool


_OURS: InventoryForeign = {"issuer_name": "", "ask_there": [], "chain": [], "with_key": False}


class InventoryRow(InventoryEnd, InventoryForeign):
    """One certificate.

    ``serial``, ``fingerprint`` and ``spki_sha256`` are lower-case hex; ``certificate`` is base64 of the DER, empty
    until it is issued, and of an imported one that may name a person. ``created``, ``changed``: ledger positions.
    """

    certificate_id: str
    state: State
    purpose: Purpose
    order_id: str | None
    team_id: str | None
    host_id: str | None
    profile_id: str | None
    profile_version: int | None
    issuer_id: str
    serial: str
    fingerprint: str
    spki_sha256: str
    dns_names: list[str]
    ip_addresses: list[str]
    not_before_us: int
    not_after_us: int
    certificate: str
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryFilter(Filter):
    """Which certificates; ``name`` is an exact DNS name or address text, ``expires_*`` compare notAfter."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "newest": Order("created", descending=True),
        "expiry": Order("not_after_us"),
    }
    order: str = "newest"
    state: str | None = equals("state")
    team_id: str | None = equals("team_id")
    states: tuple[str, ...] | None = any_of("state")
    purpose: str | None = equals("purpose")
    order_id: str | None = equals("order_id")
    host_id: str | None = equals("host_id")
    profile_id: str | None = equals("profile_id")
    issuer_id: str | None = equals("issuer_id")
    serial: str | None = equals("serial")
    fingerprint: str | None = equals("fingerprint")
    spki_sha256: str | None = equals("spki_sha256")
    name: str | None = holds("names")
    team_ids: tuple[str, ...] | None = any_of("team_id")
    purposes: tuple[str, ...] | None = any_of("purpose")
    expires_before_us: int | None = below("not_after_us")
    expires_from_us: int | None = at_least("not_after_us")


def _begun(
    fact: Fact[Certificate.IssuanceStarted] | Fact[Certificate.Imported] | Fact[Certificate.TakenOver],
) -> InventoryRow:
    """Return a row of what both ways into the inventory say."""
    event = fact.event
    return InventoryRow(
        certificate_id=fact.stream_id,
        state="started",
        purpose="imported",
        order_id=None,
        team_id=event.team_id,
        host_id=None,
        profile_id=event.profile_id,
        profile_version=getattr(event, "profile_version", None),
        issuer_id=event.issuer_id,
        **_OURS,
        serial=event.serial,
        fingerprint="",
        spki_sha256=event.spki_sha256,
        dns_names=list(event.dns_names),
        ip_addresses=list(event.ip_addresses),
        not_before_us=microseconds(event.not_before),
        not_after_us=microseconds(event.not_after),
        **_OPEN,
        certificate="",
        created=fact.position,
        changed=fact.position,
    )


def _started(rows: Rows[InventoryRow], fact: Fact[Certificate.IssuanceStarted]) -> None:
    event = fact.event
    rows.add({**_begun(fact), "purpose": event.purpose, "order_id": event.order_id, "host_id": event.host_id})


def _imported(rows: Rows[InventoryRow], fact: Fact[Certificate.Imported]) -> None:
    event = fact.event
    row: InventoryRow = {**_begun(fact), "state": "issued", "certificate": event.certificate}
    row = {**row, "issuer_name": event.issuer_name, "ask_there": [*event.ca_urls, *event.crl_urls]}
    row = {**row, "chain": list(event.chain)}
    rows.add({**row, "with_key": event.with_key, "fingerprint": event.fingerprint})


def _taken_over(rows: Rows[InventoryRow], fact: Fact[Certificate.TakenOver]) -> None:
    event = fact.event
    row: InventoryRow = {**_begun(fact), "state": "issued", "purpose": event.purpose, "host_id": event.host_id}
    rows.add({**row, "certificate": event.certificate, "fingerprint": event.fingerprint})


def _revoked_before(rows: Rows[InventoryRow], fact: Fact[Certificate.RevocationTakenOver]) -> None:
    if row := rows.get(fact.stream_id):
        at, reason = microseconds(fact.event.revoked_at), fact.event.reason
        revoked: InventoryRow = {**row, "state": "revoked", "revoked_us": at, "changed": fact.position}
        rows.put({**revoked, "revocation_reason": reason})


def _moved(rows: Rows[InventoryRow], fact: Fact[Certificate.OwnershipMoved]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "team_id": fact.event.team_id, "changed": fact.position})


def _issued(rows: Rows[InventoryRow], fact: Fact[Certificate.Issued]) -> None:
    if row := rows.get(fact.stream_id):
        event = fact.event
        at = microseconds(event.timestamp)
        issued: InventoryRow = {**row, "state": "issued", "issued_us": at, "changed": fact.position}
        rows.put({**issued, "certificate": event.certificate, "fingerprint": event.fingerprint})


def _failed(rows: Rows[InventoryRow], fact: Fact[Certificate.IssuanceFailed]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "state": "failed", "failure": fact.event.reason, "changed": fact.position})


def _superseded(rows: Rows[InventoryRow], fact: Fact[Certificate.Superseded]) -> None:
    if row := rows.get(fact.stream_id):
        rows.put({**row, "state": "superseded", "superseded_by": fact.event.by, "changed": fact.position})


def _revoked(rows: Rows[InventoryRow], fact: Fact[Certificate.Revoked]) -> None:
    if row := rows.get(fact.stream_id):
        at = microseconds(fact.event.timestamp)
        revoked: InventoryRow = {**row, "state": "revoked", "revoked_us": at, "changed": fact.position}
        revoked = {**revoked, "revoke_at_latest_us": None, "revocation_order_id": None}
        date = fact.event.invalidity_date
        rows.put(
            {**revoked, "revocation_reason": fact.event.reason, "invalidity_us": microseconds(date) if date else None}
        )


def _revocation_planned(rows: Rows[InventoryRow], fact: Fact[Certificate.RevocationPlanned]) -> None:
    if row := rows.get(fact.stream_id):
        event = fact.event
        row = {**row, "revocation_reason": event.reason, "revocation_order_id": event.order_id}
        rows.put({**row, "revoke_at_latest_us": microseconds(event.at_latest), "changed": fact.position})


def _called_off(rows: Rows[InventoryRow], fact: Fact[Certificate.RevocationCalledOff]) -> None:
    if row := rows.get(fact.stream_id):
        row = {**row, "revocation_reason": None, "revocation_order_id": None}
        rows.put({**row, "revoke_at_latest_us": None, "changed": fact.position})


INVENTORY: Projection[InventoryRow] = Projection(
    name="inventory",
    version=4,
    key="certificate_id",
    columns={
        "state": "text",
        "purpose": "text",
        "order_id": "text",
        "team_id": "text",
        "host_id": "text",
        "profile_id": "text",
        "issuer_id": "text",
        "serial": "text",
        "fingerprint": "text",
        "spki_sha256": "text",
        "not_after_us": "integer",
        "created": "integer",
    },
    many={"names": ("dns_names", "ip_addresses")},
    indexes=(
        ("team_id", "created"),
        ("team_id", "not_after_us", "certificate_id"),
        ("team_id", "state", "not_after_us", "certificate_id"),
        ("state", "created"),
        ("state", "not_after_us", "certificate_id"),
        ("profile_id", "created"),
        ("issuer_id", "created"),
        ("order_id",),
        ("host_id", "created"),
        ("fingerprint",),
        ("serial",),
        ("spki_sha256",),
        ("not_after_us", "certificate_id"),  # many expire at once: the key orders them, as pages do
        ("created",),
    ),
    selective=("order_id", "fingerprint", "serial", "spki_sha256"),
    scope="team_id",
    folds=dict(
        (
            on(Certificate.IssuanceStarted, _started),
            on(Certificate.Issued, _issued),
            on(Certificate.IssuanceFailed, _failed),
            on(Certificate.Superseded, _superseded),
            on(Certificate.RevocationPlanned, _revocation_planned),
            on(Certificate.RevocationCalledOff, _called_off),
            on(Certificate.Revoked, _revoked),
            on(Certificate.Imported, _imported),
            on(Certificate.TakenOver, _taken_over),
            on(Certificate.RevocationTakenOver, _revoked_before),
            on(Certificate.OwnershipMoved, _moved),
        )
    ),
)

"""The revoked serials: what CRLs list and OCSP answers rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypedDict

from domain.certificates.certificate import Certificate
from domain.certificates.revocation import RevocationReason
from domain.moments import microseconds
from projections.base import EVERYBODY, Fact, Projection, Rows, on
from projections.query import Filter, Order, at_least, equals


class RevocationRow(TypedDict):
    """One revoked serial (lower-case hex); ``reason`` is a CRLReason name (RFC 5280 section 5.3.1)."""

    certificate_id: str
    issuer_id: str
    serial: str
    reason: RevocationReason
    invalidity_us: int | None
    revoked_us: int
    not_after_us: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationFilter(Filter):
    """Which revocations."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "newest": Order("position", descending=True),
        "oldest": Order("position"),
    }
    order: str = "newest"
    issuer_id: str | None = equals("issuer_id")
    serial: str | None = equals("serial")
    expires_from_us: int | None = at_least("not_after_us")


def _revoked(rows: Rows[RevocationRow], fact: Fact[Certificate.Revoked]) -> None:
    event = fact.event
    # A certificate may be revoked again with a graver reason: the line keeps its date and takes the reason.
    former = rows.get(fact.stream_id)
    rows.put(
        RevocationRow(
            certificate_id=fact.stream_id,
            issuer_id=event.issuer_id,
            serial=event.serial,
            reason=event.reason,
            invalidity_us=microseconds(event.invalidity_date) if event.invalidity_date else None,
            revoked_us=former["revoked_us"] if former else microseconds(event.timestamp),
            not_after_us=microseconds(event.not_after),
            position=fact.position,
        )
    )


def _taken_over(rows: Rows[RevocationRow], fact: Fact[Certificate.RevocationTakenOver]) -> None:
    event = fact.event
    if rows.get(fact.stream_id) is None:
        rows.put(
            RevocationRow(
                certificate_id=fact.stream_id,
                issuer_id=event.issuer_id,
                serial=event.serial,
                reason=event.reason,
                invalidity_us=microseconds(event.invalidity_date) if event.invalidity_date else None,
                revoked_us=microseconds(event.revoked_at),
                not_after_us=microseconds(event.not_after),
                position=fact.position,
            )
        )


REVOCATIONS: Projection[RevocationRow] = Projection(
    name="revocations",
    version=2,
    key="certificate_id",
    columns={"issuer_id": "text", "serial": "text", "not_after_us": "integer", "position": "integer"},
    indexes=(("issuer_id", "position"), ("issuer_id", "serial"), ("position",)),
    scope=EVERYBODY,
    folds=dict((on(Certificate.Revoked, _revoked), on(Certificate.RevocationTakenOver, _taken_over))),
)

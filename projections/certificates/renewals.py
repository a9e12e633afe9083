"""The renewals: for each certificate in use when its successor is due, how far that has come, who must be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypedDict

from domain.certificates.certificate import Certificate
from domain.certificates.order import Cause
from domain.certificates.renewal import OPEN, Renewal, State
from domain.certificates.timing import EXPIRED, Life, life
from domain.moments import microseconds, moment_of
from domain.profiles.spec import RENEW_AT_PERCENT
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, at_least, below, equals

NEVER_US = 1 << 52
"""The moment of what needs no look any more; in the year 2112."""


class RenewalRow(TypedDict):
    """One certificate's renewal.

    ``due_us``: when the successor is due; ``next_us``: when the next attempt is made (None: none by itself);
    ``wake_us``: when the scheduler looks at it again, for an attempt or an escalation. ``level``: 0, or the highest
    escalation so far. ``rule``: why it waits, failed or ended. ``is_open``: something is still to come, or to be
    watched; the end of a certificate that is revoked, replaced or over is watched no more. ``created``, ``changed``:
    ledger positions.
    """

    renewal_id: str
    certificate_id: str
    state: State
    team_id: str
    due_us: int
    expires_us: int
    next_us: int | None
    wake_us: int
    attempt: int
    level: int
    cause: Cause | None
    order_id: str | None
    rule: str
    completed_by: str | None
    is_open: bool
    created: int
    changed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalFilter(Filter):
    """Which renewals."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "due": Order("due_us"),
        "expiry": Order("expires_us"),
        "wake": Order("wake_us"),
    }
    order: str = "due"
    state: str | None = equals("state")
    team_id: str | None = equals("team_id")
    due_before_us: int | None = below("due_us")
    wake_before_us: int | None = below("wake_us")
    level_from: int | None = at_least("level")
    certificate_id: str | None = equals("certificate_id")
    is_open: bool | None = equals("is_open")


def _begun(rows: Rows[RenewalRow], fact: Fact[Any], renewal_id: str, certificate_id: str, times: Life) -> RenewalRow:
    known = rows.get(renewal_id)
    return RenewalRow(
        renewal_id=renewal_id,
        certificate_id=certificate_id,
        state="planned",
        team_id=fact.event.team_id,
        due_us=microseconds(times.due),
        expires_us=microseconds(times.expires),
        next_us=None,
        wake_us=NEVER_US,
        attempt=0,
        level=0,
        cause=None,
        order_id=None,
        rule="",
        completed_by=None,
        is_open=True,
        created=known["created"] if known else fact.position,
        changed=fact.position,
    )


def _brought(rows: Rows[RenewalRow], fact: Fact[Certificate.IssuanceStarted]) -> None:
    """Watch a certificate for the caller's own key from the start; that takes no event."""
    event = fact.event
    if event.purpose != "order" or event.host_id is not None or event.team_id is None:
        return
    times = life(
        begins=max(event.not_before, event.timestamp),
        ends=event.not_after,
        percent=RENEW_AT_PERCENT,
        certificate_id=fact.stream_id,
    )
    row = _begun(rows, fact, Renewal.id_for(fact.stream_id), fact.stream_id, times)
    rows.add(_awake({**row, "state": "watched"}))


def _not_issued(rows: Rows[RenewalRow], fact: Fact[Certificate.IssuanceFailed]) -> None:
    rows.delete(Renewal.id_for(fact.stream_id))


def _planned(rows: Rows[RenewalRow], fact: Fact[Renewal.Planned]) -> None:
    event = fact.event
    row = _begun(rows, fact, fact.stream_id, event.certificate_id, Life(event.due, event.expires))
    rows.put(_awake({**row, "next_us": microseconds(event.due)}))


def _watched(rows: Rows[RenewalRow], fact: Fact[Renewal.Watched]) -> None:
    event = fact.event
    row = _begun(rows, fact, fact.stream_id, event.certificate_id, Life(event.due, event.expires))
    rows.put(_awake({**row, "state": "watched"}))


def _started(rows: Rows[RenewalRow], fact: Fact[Renewal.Started]) -> None:
    event = fact.event
    _move(rows, fact, {"state": "started", **_attempt(event), "rule": "", "next_us": microseconds(event.until)})


def _waiting(rows: Rows[RenewalRow], fact: Fact[Renewal.Waiting]) -> None:
    event = fact.event
    _move(rows, fact, {"state": "waiting", **_attempt(event), "rule": event.rule, "next_us": microseconds(event.until)})


def _attempt(event: Renewal.Started | Renewal.Waiting) -> dict[str, Any]:
    return {"order_id": event.order_id, "attempt": event.attempt, "cause": event.cause}


def _answered(rows: Rows[RenewalRow], fact: Fact[Renewal.Answered]) -> None:
    _move(rows, fact, {"next_us": None})


def _failed(rows: Rows[RenewalRow], fact: Fact[Renewal.Failed]) -> None:
    event = fact.event
    again = microseconds(event.again) if event.again is not None else None
    _move(rows, fact, {"state": "failed", "attempt": event.attempt, "rule": event.rule, "next_us": again})


def _hastened(rows: Rows[RenewalRow], fact: Fact[Renewal.Hastened]) -> None:
    _move(rows, fact, {"next_us": microseconds(fact.event.due), "cause": fact.event.cause})


def _escalated(rows: Rows[RenewalRow], fact: Fact[Renewal.Escalated]) -> None:
    _move(rows, fact, {"level": fact.event.level})


def _completed(rows: Rows[RenewalRow], fact: Fact[Renewal.Completed]) -> None:
    _move(rows, fact, {"state": "completed", "next_us": None, "rule": "", "completed_by": fact.event.by})


def _ended(rows: Rows[RenewalRow], fact: Fact[Renewal.Ended]) -> None:
    _move(rows, fact, {"state": "ended", "next_us": None, "rule": fact.event.cause})


def _moved(rows: Rows[RenewalRow], fact: Fact[Certificate.OwnershipMoved]) -> None:
    if row := rows.get(Renewal.id_for(fact.stream_id)):
        rows.put({**row, "team_id": fact.event.team_id, "changed": fact.position})


def _lost(rows: Rows[RenewalRow], fact: Fact[Certificate.Revoked] | Fact[Certificate.Superseded]) -> None:
    row = rows.get(Renewal.id_for(fact.stream_id))
    if row and row["state"] == "watched":
        rows.put({**row, "is_open": False, "changed": fact.position})


def _move(rows: Rows[RenewalRow], fact: Fact[Any], changes: dict[str, Any]) -> None:
    if row := rows.get(fact.stream_id):
        moved: Any = {**row, **changes, "changed": fact.position}
        rows.put(_awake(moved))


def _awake(row: RenewalRow) -> RenewalRow:
    """Return a row with the moment at which it is looked at again."""
    if row["state"] not in OPEN:
        return {**row, "wake_us": NEVER_US, "is_open": False}
    if row["state"] == "watched" and row["level"] >= EXPIRED:
        row = {**row, "is_open": False}
    wakes = [row["next_us"]] if row["next_us"] is not None else []
    if row["level"] < EXPIRED:
        times = Life(moment_of(row["due_us"]), moment_of(row["expires_us"]))
        wakes.append(microseconds(times.escalates(row["level"] + 1)))
    return {**row, "wake_us": min(wakes, default=NEVER_US)}


RENEWALS: Projection[RenewalRow] = Projection(
    name="renewals",
    version=2,
    key="renewal_id",
    columns={
        "certificate_id": "text",
        "state": "text",
        "team_id": "text",
        "due_us": "integer",
        "expires_us": "integer",
        "wake_us": "integer",
        "level": "integer",
        "is_open": "boolean",
    },
    indexes=(
        ("wake_us",),
        ("due_us",),
        ("is_open", "due_us"),
        ("team_id", "due_us"),
        ("expires_us",),
        ("certificate_id",),
    ),
    scope="team_id",
    folds=dict(
        (
            on(Certificate.IssuanceStarted, _brought),
            on(Certificate.IssuanceFailed, _not_issued),
            on(Certificate.OwnershipMoved, _moved),
            on(Certificate.Revoked, _lost),
            on(Certificate.Superseded, _lost),
            on(Renewal.Planned, _planned),
            on(Renewal.Watched, _watched),
            on(Renewal.Started, _started),
            on(Renewal.Waiting, _waiting),
            on(Renewal.Answered, _answered),
            on(Renewal.Failed, _failed),
            on(Renewal.Hastened, _hastened),
            on(Renewal.Escalated, _escalated),
            on(Renewal.Completed, _completed),
            on(Renewal.Ended, _ended),
        )
    ),
)

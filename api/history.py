"""An object's history in words: each event with who, when, in which role and why, read from the ledger itself."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, Field

from api.edge import Edge
from api.shapes import moment
from commands.ports.ledger import Entry
from projections.audit.search import AuditRow

_SALT = 16


class Told(BaseModel):
    """One event of an object's history.

    ``actor`` is a pseudonym, ``actor_name`` what the erasable directory shows for it. ``erased`` tells that reason,
    ticket, address and user agent were there and have been erased; the entry's hash still covers them.
    """

    position: int
    at: str
    topic: str
    stream_id: str
    command: str
    actor: str
    actor_name: str
    role: str
    method: str
    on_behalf_of: str
    session: str
    correlation_id: str
    erased: bool = False
    reason: str = ""
    ticket: str = ""
    client_address: str = ""
    user_agent: str = ""
    event: dict[str, Any] = Field(description="the event as it is stored")


class PeopleNames:
    """Names of the erasable directory by pseudonym, each looked up once; empty where there is none any more."""

    def __init__(self, edge: Edge) -> None:
        self._directory = edge.identity.directory
        self._names: dict[str, str] = {}

    def __call__(self, pseudonym: str) -> str:
        """Return the name shown for a pseudonym."""
        if pseudonym not in self._names:
            known = self._directory.known(pseudonym)
            self._names[pseudonym] = known.display_name if known else ""
        return self._names[pseudonym]


def reason_at(edge: Edge, position: int) -> tuple[str, bool]:
    """Return why the entry at a position came to be, and whether that was there and has been erased."""
    entry = edge.ledger.entries(position, limit=1)[0]
    return _details(entry).get("reason", ""), _erased(entry)


def _details(entry: Entry) -> dict[str, str]:
    return dict(json.loads(entry.details[_SALT:])) if entry.details else {}


def _erased(entry: Entry) -> bool:
    return entry.details is None and "details_sha256" in (json.loads(entry.metadata) if entry.metadata else {})


def history(edge: Edge, rows: Iterable[AuditRow]) -> list[Told]:
    """Return what rows of the audit search stand for."""
    names = PeopleNames(edge)
    return [told(row, edge.ledger.entries(row["position"], limit=1)[0], names) for row in rows]


def told(row: AuditRow, entry: Entry, names: PeopleNames) -> Told:
    """Return what one row stands for, from its entry in the ledger."""
    metadata = json.loads(entry.metadata) if entry.metadata else {}
    details = _details(entry)
    event = entry.events[row["position"] - entry.first_position]
    return Told(
        position=row["position"],
        at=moment(row["recorded_at_us"]) or "",
        topic=row["topic"],
        stream_id=row["stream_id"],
        command=row["command"],
        actor=row["actor"],
        actor_name=names(row["actor"]),
        role=row["role"],
        method=metadata.get("method", ""),
        on_behalf_of=metadata.get("on_behalf_of", ""),
        session=metadata.get("session", ""),
        correlation_id=row["correlation_id"],
        erased=_erased(entry),
        event=json.loads(event.state),
        **{name: details.get(name, "") for name in ("reason", "ticket", "client_address", "user_agent")},
    )

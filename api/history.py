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


def history(edge: Edge, rows: Iterable[AuditRow]) -> list[Told]:
    """Return what rows of the audit search stand for."""
    names: dict[str, str] = {}
    return [_told(edge, row, edge.ledger.entries(row["position"], limit=1)[0], names) for row in rows]


def _told(edge: Edge, row: AuditRow, entry: Entry, names: dict[str, str]) -> Told:
    metadata = json.loads(entry.metadata) if entry.metadata else {}
    actor = row["actor"]
    if actor not in names:
        known = edge.identity.directory.known(actor)
        names[actor] = known.display_name if known else ""
    details = json.loads(entry.details[_SALT:]) if entry.details else {}
    event = entry.events[row["position"] - entry.first_position]
    return Told(
        position=row["position"],
        at=moment(row["recorded_at_us"]) or "",
        topic=row["topic"],
        stream_id=row["stream_id"],
        command=row["command"],
        actor=actor,
        actor_name=names[actor],
        role=row["role"],
        method=metadata.get("method", ""),
        on_behalf_of=metadata.get("on_behalf_of", ""),
        session=metadata.get("session", ""),
        correlation_id=row["correlation_id"],
        erased=entry.details is None and "details_sha256" in metadata,
        event=json.loads(event.state),
        **{name: details.get(name, "") for name in ("reason", "ticket", "client_address", "user_agent")},
    )

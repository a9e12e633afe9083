"""Aggregates as ledger entries, for tests that begin with history."""

from __future__ import annotations

import json

from commands.ports.ledger import EntryDraft, EventDraft
from domain.base import Aggregate


def draft_of(*aggregates: Aggregate, actor: str = "p-history") -> EntryDraft:
    """Return one entry with the pending events of these aggregates."""
    events = tuple(
        EventDraft(one.originator_id, one.originator_version, one.TOPIC, one.state(), one)  # type: ignore[attr-defined]
        for aggregate in aggregates
        for one in aggregate.collect_events()
    )
    metadata = {"actor": actor, "role": "ROLE_SYSTEM", "command": "history", "correlation_id": "c-history"}
    return EntryDraft(events, json.dumps(metadata).encode())

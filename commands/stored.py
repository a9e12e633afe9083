"""Stored events as the facts they are."""

from __future__ import annotations

from commands.ports.ledger import StoredEvent
from domain.base import Event
from domain.registry import read_event


def event_of(stored: StoredEvent) -> Event:
    """Return the event: the object itself where this process recorded it just now, else read from its bytes.

    Raises ``KeyError`` and ``pydantic.ValidationError`` as :func:`domain.registry.read_event` does.
    """
    if isinstance(stored.model, Event):
        return stored.model
    return read_event(stored.topic, stored.state, stored.stream_id, stored.stream_version)

"""What a command recorded, read from its outcome: objects of this call as they are, stored bytes on a replay."""

from __future__ import annotations

from typing import TypeVar

from commands.base import Outcome
from domain.base import Event
from domain.registry import read_event

E = TypeVar("E", bound=Event)


def find_event(outcome: Outcome, kind: type[E]) -> E | None:
    """Return the last event of a kind, None where there is none."""
    for entry in reversed(outcome.entries):
        for stored in reversed(entry.events):
            if stored.topic != kind.TOPIC:
                continue
            model = stored.model or read_event(stored.topic, stored.state, stored.stream_id, stored.stream_version)
            assert isinstance(model, kind)
            return model
    return None

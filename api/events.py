"""What a command recorded, read from its outcome: objects of this call as they are, stored bytes on a replay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from commands.base import Outcome
from commands.stored import event_of
from domain.base import Event

E = TypeVar("E", bound=Event)


def find_event(outcome: Outcome, kind: type[E]) -> E | None:
    """Return the last event of a kind, None where there is none."""
    for entry in reversed(outcome.entries):
        for stored in reversed(entry.events):
            if stored.topic != kind.TOPIC:
                continue
            event = event_of(stored)
            assert isinstance(event, kind)
            return event
    return None


def events_of(outcome: Outcome) -> Iterator[tuple[str, Event]]:
    """Yield everything that was recorded, in order, with the stream that it is of."""
    for entry in outcome.entries:
        for stored in entry.events:
            yield stored.stream_id, event_of(stored)

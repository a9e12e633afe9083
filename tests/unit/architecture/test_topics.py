"""Harm prevented: a stored event that tomorrow's code cannot read, or reads as something else.

A topic stands inside the hashed bytes of the ledger, so it can never be renamed, reused or change its shape.
"""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from domain import registry
from domain.base import Event
from tests.support.goldens import FOLDER, events, golden_path

TOPIC = re.compile(r"^sslclm\.[a-z-]+\.[a-z-]+\.v[0-9]+$")
EVENTS = events()


def test_the_domain_has_events():
    """The walk finds events, so that the tests below cannot pass by finding nothing."""
    assert len(EVENTS) > 10


def test_topics_are_unique():
    """No two facts share a topic, so that stored bytes have one reading."""
    counts = Counter(event.TOPIC for event in EVENTS)

    assert [] == [topic for topic, count in counts.items() if count > 1]


def test_the_registry_knows_every_event():
    """What an aggregate can record, the registry can read back: no fact is lost to a forgotten line."""
    assert {event.TOPIC: event for event in EVENTS} == registry.TOPICS


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_a_topic_has_the_agreed_shape(event: type[Event]):
    """A topic reads sslclm.<aggregate>.<fact>.v<number>."""
    assert TOPIC.match(event.TOPIC)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_a_golden_state_loads_and_dumps_to_the_same_bytes(event: type[Event]):
    """Bytes stored by an earlier version are read, and would be stored the same today."""
    path = golden_path(event.TOPIC)
    assert path.exists(), f"{event.TOPIC} has no golden state: run python -m tests.support.goldens, read it, commit it"
    stored = path.read_bytes().removesuffix(b"\n")

    assert stored == event.from_state(stored, "stream-1", 1).state()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_topic_still_exists(path):
    """A topic that was ever stored stays readable: classes may move, topics may not go."""
    assert path.stem in {event.TOPIC for event in EVENTS}
    assert isinstance(json.loads(path.read_bytes()), dict)

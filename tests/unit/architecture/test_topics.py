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
from tests.support.goldens import FOLDER, aggregates, dumped, events, shapes, topic_of

TOPIC = re.compile(r"^sslclm\.[a-z-]+\.[a-z-]+\.v[0-9]+$")
EVENTS = events()


def test_the_domain_has_events():
    """The walk finds events, so that the tests below cannot pass by finding nothing."""
    assert len(EVENTS) > 10


def test_topics_are_unique():
    """No two facts share a topic, so that stored bytes have one reading."""
    counts = Counter(event.TOPIC for event in EVENTS)

    assert [] == [topic for topic, count in counts.items() if count > 1]


def test_a_fact_has_one_class_and_one_aggregate():
    """An event of a part is the same class in the aggregate that the part belongs to, and begins or moves that one."""
    for aggregate in aggregates():
        for event in aggregate.events():
            held = {vars(kind)[event.__name__] for kind in aggregate.__mro__ if event.__name__ in vars(kind)}

            assert ({event}, aggregate) == (held, event.AGGREGATE)


def test_the_registry_knows_every_event():
    """What an aggregate can record, the registry can read back: no fact is lost to a forgotten line."""
    assert {event.TOPIC: event for event in EVENTS} == registry.TOPICS


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_a_topic_has_the_agreed_shape(event: type[Event]):
    """A topic reads sslclm.<aggregate>.<fact>.v<number>."""
    assert TOPIC.match(event.TOPIC)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_the_newest_golden_state_dumps_to_the_same_bytes(event: type[Event]):
    """What is stored today is what the newest golden says; a shape that grew needs a further golden."""
    assert shapes(event.TOPIC), f"{event.TOPIC} has no golden: run python -m tests.support.goldens, read it, commit it"
    stored = shapes(event.TOPIC)[-1].read_bytes().removesuffix(b"\n")

    assert stored == dumped(event, stored)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_every_golden_state_says_today_what_it_said_then(event: type[Event]):
    """Bytes stored by any earlier version are read, and every member means what it meant; a shape may only grow."""
    for path in shapes(event.TOPIC):
        stored = path.read_bytes().removesuffix(b"\n")

        assert_holds(json.loads(dumped(event, stored)), json.loads(stored))


def assert_holds(now, then):
    """Assert that all of ``then`` is in ``now``, members of members included."""
    if isinstance(then, dict):
        assert then.keys() <= now.keys()
        for name in then:
            assert_holds(now[name], then[name])
    elif isinstance(then, list):
        assert len(then) == len(now)
        for one, other in zip(now, then, strict=True):
            assert_holds(one, other)
    else:
        assert then == now


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_a_golden_topic_still_exists(path):
    """A topic that was ever stored stays readable: classes may move, topics may not go."""
    assert topic_of(path) in {event.TOPIC for event in EVENTS}
    assert isinstance(json.loads(path.read_bytes()), dict)

"""Every class of events is told to somebody or to nobody, on purpose; and every sentence can be said."""

from __future__ import annotations

import string

import pytest

from commands.notices.notice import Severity, plain, worded
from commands.notices.settling import SETTLED_BY
from commands.notices.table import NOBODY, RULES
from domain.registry import TOPICS
from tests.support.goldens import shapes

TOLD = {rule.event for rule in RULES}


def test_every_event_is_told_or_nobody_needs_to_be_told():
    """A new class of events without a row fails here: add one to RULES, or the class to NOBODY."""
    every = set(TOPICS.values())

    assert set() == every - TOLD - NOBODY
    assert set() == TOLD & NOBODY
    assert set() == (TOLD | NOBODY) - every


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.event.TOPIC}-{rule.severity}-{rule.kind}")
def test_every_sentence_can_be_said(rule):
    """A row names only fields that its event has, ends its sentences, tells somebody and says what to do."""
    fields = {*rule.event.model_fields, "about", "object", "stream"} - {"originator_id", "originator_version"}
    for template in (rule.sentence, rule.todo, rule.command):
        assert {name for _, name, _, _ in string.Formatter().parse(template) if name} <= fields

    values = dict.fromkeys(fields, "x")
    assert worded(rule.sentence, values).endswith((".", "x"))
    assert rule.todo
    assert rule.audience


def test_what_settles_a_notice_is_a_later_fact_of_its_own_stream():
    """Only what is told is settled, and by facts that the same aggregate records: no other is ever looked at."""
    for told, ends in SETTLED_BY.items():
        assert told in TOLD
        assert {told.AGGREGATE} == {end.AGGREGATE for end in ends}


def test_kinds_are_words_and_each_has_one_audience():
    """Receivers filter by kind: it is a stable word."""
    for rule in RULES:
        assert set(rule.kind) <= set(string.ascii_lowercase + "-")
        assert isinstance(rule.severity, Severity)


def test_no_field_that_is_told_is_personal():
    """Sentences name no requester, approver or author: who did it stands in the ledger, for those who may read it."""
    personal = {"requester", "approver", "rejecter", "author", "principal", "by", "offered_by", "reason_text"}
    for rule in RULES:
        named = {name for text in (rule.sentence, rule.todo) for _, name, _, _ in string.Formatter().parse(text)}
        assert not named & personal, rule.kind


def test_every_told_event_has_a_sample():
    """What the goldens invent can be worded, too."""
    for rule in RULES:
        event = rule.event.from_state(shapes(rule.event.TOPIC)[-1].read_bytes(), "x-1", 1)
        values = {**event.model_dump(), "about": "www.shop.test", "object": "x-1", "stream": "x-1"}
        assert worded(rule.sentence, values)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a\r\nBcc: all@example.com", "a??Bcc: all@example.com"),
        ("\x1b[2Jx", "?[2Jx"),
        ("a\u202eb\u200bc", "a?b?c"),
        ("x  y\u2028z", "x y z"),
        ("{about}", "{about}"),
        ("\ud800", "?"),
        ("x" * 500, "x" * 199 + "…"),
    ],
)
def test_what_users_name_is_one_plain_line(value, said):
    """No line break, no control, no direction mark, no template: nothing steers a header, a terminal or a log."""
    assert said == plain(value)
    assert worded("{about}", {"about": value}) == said

"""What stored bytes may be."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.ports.ledger import EntryDraft, EventDraft
from domain.errors import InvalidInput
from infra.ledger.drafts import check_draft, genesis_draft
from infra.ledger.proof.lines import ExportedEvent
from infra.ledger.proof.rules import RuleBroken, check_event, genesis_of, strict_json
from tests.support.ledgers import LEDGER_ID, ORIGIN


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"1",
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740992}',
        b'{"a":' + b"9" * 5000 + b"}",
        '{"ä":1}'.encode(),
        b'{"\\u00e4":1}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":1} x',
        b'{"a":' + b"[" * 100_000,
        b'{"a":"\n"}',
    ],
)
def test_loose_json_is_refused(text):
    """Everything that two parsers could read differently is refused."""
    with pytest.raises(RuleBroken) as broken:
        strict_json(text, what="it")

    assert broken.value.check == "json"


def test_strict_json_is_read():
    """ASCII names, any text, integers below 2^53."""
    assert strict_json('{"a":[9007199254740991,-1,true,null,"€"]}'.encode(), what="it") == {
        "a": [9007199254740991, -1, True, None, "€"]
    }


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    """No input raises anything but RuleBroken."""
    with suppress(RuleBroken):
        strict_json(data, what="it")


@pytest.mark.parametrize(
    ("check", "change"),
    [
        ("name", {"stream_id": ""}),
        ("name", {"stream_id": "a" * 129}),
        ("name", {"stream_id": "ä"}),
        ("name", {"topic": "a b"}),
        ("name", {"topic": "a\n"}),
        ("stream-version", {"stream_version": 0}),
        ("stream-version", {"stream_version": 2**53}),
        ("size", {"state": b'{"a":"' + b"x" * 60_000 + b'"}'}),
    ],
)
def test_an_event_keeps_to_names_and_sizes(check, change):
    """Names are printable ASCII of at most 128 bytes, versions count from 1, a state has at most 60,000 bytes."""
    good = {"stream_id": "a-1", "stream_version": 1, "topic": "t", "nonce": bytes(16), "state": b"{}"}
    check_event(ExportedEvent(**good))
    with pytest.raises(RuleBroken) as broken:
        check_event(ExportedEvent(**{**good, **change}))

    assert broken.value.check == check


def test_the_first_draft_names_the_ledger():
    """The first draft passes the port's rules and says id and origin."""
    draft = genesis_draft(LEDGER_ID, ORIGIN)
    check_draft(draft)

    assert genesis_of(draft.events[0]) == (LEDGER_ID, ORIGIN)
    assert draft.events[0].stream_id == "ledger-00112233-4455-6677-8899-aabbccddeeff"


@pytest.mark.parametrize(
    ("ledger_id", "origin"), [("x", ORIGIN), (LEDGER_ID.upper(), ORIGIN), (LEDGER_ID, "a b"), (LEDGER_ID, "a+b")]
)
def test_a_ledger_with_an_impossible_name_is_refused(ledger_id, origin):
    """An id is 32 lower-case hex digits; an origin has neither space nor plus sign, since it is a key's name too."""
    with pytest.raises(InvalidInput):
        genesis_draft(ledger_id, origin)


@pytest.mark.parametrize("made", [None, object()])
@pytest.mark.parametrize(
    "state", [b'{"a":1.5}', b'{"a":[1,-2.0]}', b'{"a":1e3}', b'{"a":9007199254740992}', b'{"a":NaN}', b'{"\xc3\xa9":1}']
)
def test_what_a_model_wrote_is_held_to_the_same_rules(made, state):
    """Floats, great numbers and foreign names are refused, whether the state is parsed or known to be pydantic's."""
    with pytest.raises(InvalidInput, match="cannot be stored"):
        check_draft(EntryDraft((EventDraft("host-1", 1, "t", state, model=made),), b"{}"))


@pytest.mark.parametrize("text", ["1.5", '\\":1.5,', "[1e3]", "\u00e9", "2026-11-23T12:00:00.5Z"])
def test_texts_that_look_like_numbers_are_texts(text):
    """What only looks like a number is stored."""
    state = json.dumps({"a": text}, ensure_ascii=False).encode()

    check_draft(EntryDraft((EventDraft("host-1", 1, "t", state, model=object()),), b"{}"))

"""What every store of small state promises of rows: values as they were given, conditions, order, limits."""

from __future__ import annotations

import pytest

from domain.errors import InvalidInput
from infra.records.port import above, at_most, below, one_of, other_than
from infra.records.tables import LARGEST
from tests.support.recordstores import MARK, SLOT, THING, thing

HOSTILE = [
    "$where",
    "a.b",
    "$",
    "",
    "\0",
    "a\0b",
    "'; DROP TABLE thing; --",
    "_id",
    "\u017f\U0001f600",
    "{$gt: ''}",
    "%",
    "*",
]


def add(records, *rows, table=THING):
    """Insert rows in one transaction; returns what was said of each."""
    return records.transact(lambda tx: [tx.insert(table, row) for row in rows])


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
def test_integers_of_64_bits(records, number):
    """An integer comes back as itself, as a plain one."""
    add(records, thing(number))

    found = records.find(THING, {"number": number})[0]["number"]
    assert (number, int) == (found, type(found))


@pytest.mark.parametrize("share", [0.0, 1795435200.123456, 5e-324, -1.7976931348623157e308, 3])
def test_floats(records, share):
    """A number comes back as the same float."""
    add(records, thing(1, share=share))

    found = records.get(THING, "k", "n1")["share"]
    assert (float(share), float) == (found, type(found))


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 100, b"\0", b"$where"])
def test_bytes_and_nothing(records, content):
    """Bytes come back byte for byte, and nothing as nothing."""
    add(records, thing(1, bytes=content))

    row = records.get(THING, "k", "n1")
    assert (content, bytes, None, None) == (row["bytes"], type(row["bytes"]), row["note"], row["until"])
    assert list(THING.columns) == list(row)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(records, text):
    """What looks like an operator, a path or a statement is a value: as a key, in a condition, in a change."""
    add(records, thing(1, name=text, kind=text), thing(2))

    assert records.transact(lambda tx: tx.update(THING, {"kind": text, "name": text}, {"note": text})) == 1
    assert records.get(THING, text, text)["note"] == text
    assert [row["number"] for row in records.find(THING, {"note": text, "name": one_of([text])})] == [1]
    assert [row["name"] for row in records.transact(lambda tx: tx.delete(THING, {"name": text}))] == [text]
    assert records.count(THING) == 1


@pytest.mark.parametrize(
    "told",
    [
        {"note": "x" * (LARGEST + 1)},
        {"bytes": b"x" * (LARGEST + 1)},
        {"note": "\ud800"},
        {"name": None},
        {"number": 2**63},
        {"number": 1.5},
        {"share": float("nan")},
        {"share": float("inf")},
        {"share": "1"},
        {"bytes": "text"},
        {"note": {"$gt": ""}},
        {"more": 1},
    ],
)
def test_what_no_store_takes_is_refused(records, told):
    """A value that one of the stores could not hold is refused by each, by name of its column and without the value."""
    with pytest.raises(InvalidInput) as refused:
        add(records, {**thing(1), **told})

    assert "record-value" == refused.value.rule
    assert refused.value.fix
    assert records.count(THING) == 0


def test_conditions_are_checked_too(records):
    """A condition with an operator in the place of a value is refused, and a key is never changed."""
    with pytest.raises(InvalidInput):
        records.find(THING, {"name": {"$ne": ""}})
    with pytest.raises(InvalidInput):
        records.get(SLOT, {"$gt": ""})
    with pytest.raises(InvalidInput):
        records.transact(lambda tx: tx.update(THING, {}, {"number": 5}))


def test_conditions(records):
    """Comparisons leave out rows that hold nothing there; None asks for those."""
    add(records, *(thing(n, share=n / 2, note=None if n % 2 else f"note {n}", until=n) for n in range(6)))

    def numbers(**where):
        return sorted(row["number"] for row in records.find(THING, where))

    assert [0, 1] == numbers(share=below(1))
    assert [0, 1, 2] == numbers(share=at_most(1.0))
    assert [5] == numbers(number=above(4))
    assert [2, 4] == numbers(note=other_than("note 0"))
    assert [1, 3, 5] == numbers(note=None)
    assert [1, 2] == numbers(name=one_of({"n1", "n2"}))
    assert [] == numbers(name=one_of(()))
    assert [3] == numbers(kind="k", note=None, number=above(1), share=below(2))
    assert 6 == records.count(THING) == len(numbers())


def test_order_and_limit(records):
    """Text is ordered by its bytes, descending after a minus, and nothing comes first."""
    names = ["b", "B", "é", "z", "\U0001f600", "￿"]
    add(records, *(thing(n, name=name, until=None if n == 3 else n) for n, name in enumerate(names)))

    ordered = [row["name"] for row in records.find(THING, order=("name",))]
    assert sorted(names, key=str.encode) == ordered
    assert ordered[::-1][:2] == [row["name"] for row in records.find(THING, order=("-name",), limit=2)]
    assert [3, 0, 1] == [row["number"] for row in records.find(THING, order=("kind", "until"), limit=3)]
    assert [] == records.find(THING, limit=0)
    assert [{"number": 0}] == records.find(THING, {"name": "b"}, columns=("number",))


def test_a_key_of_bytes(records):
    """A token's hash is a key like any other."""
    add(records, {"token": b"\1" * 32, "at": 1.0}, {"token": b"\1" * 31, "at": 2.0}, table=MARK)

    assert {"token": b"\1" * 32, "at": 1.0} == records.get(MARK, b"\1" * 32)
    assert records.get(MARK, b"") is None


def test_put_replaces(records):
    """A row takes the place of the one with its key, and its neighbours stay."""
    rows = [{"name": f"s{n}", "holder": "a", "turn": n} for n in range(3)]
    records.transact(lambda tx: tx.put(SLOT, *rows))
    records.transact(lambda tx: tx.put(SLOT, {"name": "s1", "holder": "b", "turn": 9}))
    records.transact(lambda tx: tx.put(SLOT))

    assert [("a", 0), ("b", 9), ("a", 2)] == [(r["holder"], r["turn"]) for r in records.find(SLOT, order=("name",))]


def test_what_is_there_already(records):
    """Insert says whether it was first: by the key, and by every unique set."""
    assert [True, True, False, False] == add(
        records, thing(1), thing(2), thing(9, name="n1"), thing(1, name="another name")
    )
    assert 2 == records.count(THING)


def test_update_and_delete_say_how_many(records):
    """Changed or not, a row that meets the conditions counts; deleted rows are given back once."""
    add(records, *(thing(n) for n in range(4)))

    assert 2 == records.transact(lambda tx: tx.update(THING, {"number": above(1)}, {"note": "x"}))
    assert 2 == records.transact(lambda tx: tx.update(THING, {"number": above(1)}, {"note": "x"}))
    assert 0 == records.transact(lambda tx: tx.update(THING, {"number": above(9)}, {"note": "y"}))
    gone = records.transact(lambda tx: tx.delete(THING, {"note": "x"}))
    assert {2, 3} == {row["number"] for row in gone}
    assert [] == records.transact(lambda tx: tx.delete(THING, {"note": "x"}))
    assert [0, 1] == [row["number"] for row in records.find(THING, order=("number",))]

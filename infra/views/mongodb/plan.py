"""How a page is looked up in MongoDB: one find or two, each with the index that it is to use.

As in SQLite nothing is left to the planner's guesses:

- a value of a list, or of a column that nearly names a row, leads to few rows, which are sorted;
- else the index is taken that holds most of what is compared for equality, followed by what orders the page; several
  values there are several places in that index, read in order and merged;
- what comes after a row is, first, what stands beside it in the order, and then what stands beyond: two spans of the
  index instead of a condition that is neither.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from infra.views.mongodb.documents import Document, Index, Shape
from projections.base import Projection
from projections.query import Criterion, Order

AT_MOST = 64
"""Most places of an index that a page is merged from; with more, values are compared row by row."""

LAST_CHARACTER = "\U0010ffff"
_KEY = Index("_id_", ("_id",))
_POINTS = frozenset({"equals", "any-of", "holds", "holds-any"})


@dataclass(frozen=True, slots=True)
class Look:
    """One find: its conditions, the index it uses, and its order."""

    conditions: Document
    index: str
    sort: Sequence[tuple[str, int]]


def looks(shape: Shape, criteria: Sequence[Criterion], order: Order, after: tuple[Any, Any] | None) -> Iterator[Look]:
    """Yield what is to be looked up for a page, one after the other until the page is full."""
    conditions = [condition(shape, one) for one in criteria]
    pinned = any(one.column == order.column and _places(one) == 1 for one in criteria if one.operator in _POINTS)
    field = "_id" if pinned else shape.field(order.column)
    index = choose(shape, criteria, field).name
    way, direction = ("$lt", -1) if order.descending else ("$gt", 1)
    by_key = [("_id", direction)]
    if field == "_id":
        beyond = [] if after is None else [{"_id": {way: after[1]}}]
        yield Look(_all((*conditions, *beyond)), index, by_key)
        return
    if after is not None:
        yield Look(_all((*conditions, {field: after[0]}, {"_id": {way: after[1]}})), index, by_key)
        conditions.append({field: {way: after[0]}})
    yield Look(_all(conditions), index, [(field, direction), *by_key])


def together(model: Projection[Any], criteria: Sequence[Criterion]) -> list[Criterion]:
    """Return the criteria with what is said of one column by values as one: those that all of them accept."""
    values: dict[str, tuple[Any, ...]] = {}
    others: list[Criterion] = []
    for one in criteria:
        if one.operator not in {"equals", "any-of"} or one.column in model.many:
            others.append(one)
            continue
        told = (one.value,) if one.operator == "equals" else tuple(dict.fromkeys(one.value))
        values[one.column] = tuple(value for value in values.get(one.column, told) if value in told)
    points = [
        Criterion("equals", column, told[0]) if len(told) == 1 else Criterion("any-of", column, told)
        for column, told in values.items()
    ]
    return [*points, *others]


def choose(shape: Shape, criteria: Sequence[Criterion], ordered: str) -> Index:
    """Return the index by which a page is looked up that is in the order of a field."""
    named = {index.name: index for index in shape.indexes}
    points = {shape.field(one.column): _places(one) for one in criteria if one.operator in _POINTS}
    for one in criteria:
        if one.operator == "holds":
            return named[f"in_{one.column}"]
        if one.operator == "equals" and one.column in shape.model.selective:
            return next(index for index in shape.indexes if index.fields[0] == one.column)
    known = (_KEY, *shape.indexes)
    for index in known:
        lone = index.fields[:-1]
        if (
            lone
            and ordered not in lone
            and all(points.get(one) == 1 for one in lone)
            and lone[0] not in shape.model.many
        ):
            return index
    return max(known, key=lambda index: _served(index, ordered, points))


def _served(index: Index, ordered: str, points: Mapping[str, int]) -> int:
    """Return how many fields of equality an index has before what orders the page; -1 where it gives no order."""
    places: list[int] = []
    for field in index.fields:
        if field == ordered and index.fields[len(places) + 1 :] in {(), ("_id",)}:
            return len(places)
        if field not in points:
            return -1
        places.append(points[field])
        if prod(places) > AT_MOST:
            return -1
    return -1


def _places(criterion: Criterion) -> int:
    return len(set(criterion.value)) if criterion.operator in {"any-of", "holds-any"} else 1


def condition(shape: Shape, criterion: Criterion) -> Document:
    """Return a criterion as a condition of a find."""
    field, value = shape.field(criterion.column), criterion.value
    match criterion.operator:
        case "any-of" | "holds-any":
            return {field: {"$in": list(dict.fromkeys(value))}}
        case "at-least":
            return {field: {"$gte": value}}
        case "below":
            return {field: {"$lt": value}}
        case "prefix":
            return {field: {"$gte": value, "$lt": value + LAST_CHARACTER}}
        case _:
            return {field: value}


def _all(conditions: Sequence[Document]) -> Document:
    return {"$and": list(conditions)} if conditions else {}

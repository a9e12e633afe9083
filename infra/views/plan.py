"""How a page is looked up: statements whose cost grows with the page and the index's depth, not with the table.

SQLite keeps no statistics here, so what drives a statement is chosen by these rules and not guessed by its planner:

- values of a list (``holds``) and of columns that nearly name a row (``Projection.selective``) drive; everything else
  is compared on the rows they lead to;
- one of several values (teams of a person, states, topics with one beginning) is one statement for each value, each
  read in order from its index as far as the page needs, and merged;
- a span of a column that rises with the key (``Projection.rising``) is a span of keys.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from infra.views.keyset import criteria_of, order_of, read_cursor, turned
from infra.views.store import Row
from infra.views.tables import Table
from projections.query import Criterion, Filter, Order

AT_MOST = 64
"""Most statements of a page; with more combinations of values, values are compared row by row."""

_COMPARED = {"equals": "=", "at-least": ">=", "below": "<"}
_LAST_CHARACTER = "\U0010ffff"


def page(
    db: sqlite3.Connection,
    table: Table,
    where: Filter,
    *,
    team_ids: tuple[str, ...] | None,
    cursor: str | None,
    limit: int,
) -> tuple[list[Row], str | None]:
    """Return up to ``limit`` rows and the cursor of what follows them, if anything does."""
    order, criteria = order_of(where), criteria_of(table.model, where, team_ids)
    after = None if cursor is None else read_cursor(table.model, where, cursor)
    plans = [plan(table, branch, order, after) for branch in branches(db, table, criteria)]
    if len(plans) == 1:
        sql, values = plans[0]
        rows = [table.row(record) for record in db.execute(sql.format(table.all_names), (*values, limit + 1))]
    else:
        rows = _merged(db, table, plans, order, limit + 1)
    return turned(table.model, where, rows, limit)


def _merged(
    db: sqlite3.Connection, table: Table, plans: Sequence[tuple[str, list[Any]]], order: Order, limit: int
) -> list[Row]:
    """Return the first rows of several statements: their places first, then only the rows that are shown."""
    names = f"t.{order.column}, t.{table.model.key}"
    places = {place for sql, values in plans for place in db.execute(sql.format(names), (*values, limit))}
    shown = sorted(places, reverse=order.descending)[:limit]
    return [row for _, key in shown if (row := table.load(db, key)) is not None]


def branches(db: sqlite3.Connection, table: Table, criteria: Iterable[Criterion]) -> Iterator[Sequence[Criterion]]:
    """Yield lists of criteria which together accept what the given ones accept; no list where nothing can."""
    given = tuple(criteria)
    options: list[list[Criterion]] = []
    count = 1
    for criterion in given:
        choices = [criterion] if _driven(table, given) else _choices(db, table, criterion)
        if count * len(choices) > AT_MOST:
            choices = [criterion]
        count *= len(choices)
        options.append(choices)
    return product(*options)


def _driven(table: Table, criteria: Iterable[Criterion]) -> bool:
    """Tell whether one of the criteria leads to few rows by itself."""
    return any(
        one.operator == "holds" or (one.operator == "equals" and one.column in table.model.selective)
        for one in criteria
    )


def _choices(db: sqlite3.Connection, table: Table, criterion: Criterion) -> list[Criterion]:
    column, value = criterion.column, criterion.value
    match criterion.operator:
        case "any-of":
            return [Criterion("equals", column, one) for one in dict.fromkeys(value)]
        case "holds-any":
            return [Criterion("holds", column, one) for one in dict.fromkeys(value)]
        case "prefix" if (column,) in table.model.indexes:
            values = _beginning_with(db, table, column, value)
            return [criterion] if values is None else [Criterion("equals", column, one) for one in values]
    return [criterion]


def _beginning_with(db: sqlite3.Connection, table: Table, column: str, beginning: str) -> list[str] | None:
    """Return the values of an indexed column that begin with a text, each by one step in its index; None if many."""
    found: list[str] = []
    step = f"SELECT min({column}) FROM {table.name} WHERE {column} {{}} ? AND {column} < ?"  # noqa: S608 - our own names
    (value,) = db.execute(step.format(">="), (beginning, beginning + _LAST_CHARACTER)).fetchone()
    while value is not None:
        if len(found) == AT_MOST:
            return None
        found.append(value)
        (value,) = db.execute(step.format(">"), (value, beginning + _LAST_CHARACTER)).fetchone()
    return found


def plan(
    table: Table, criteria: Sequence[Criterion], order: Order, after: tuple[Any, Any] | None
) -> tuple[str, list[Any]]:
    """Return one statement for one branch, what it selects left open, and its values but the last, its limit."""
    lists = [one for one in criteria if one.operator == "holds"]
    driven = _driven(table, criteria)
    conditions, values = _joined(table, lists)
    for criterion in criteria:
        if criterion.operator != "holds":
            sql, more = _condition(table, criterion, driven=driven)
            conditions.append(sql)
            values += more
        if criterion.column in table.model.rising and criterion.operator in {"at-least", "below"}:
            conditions.append(_span(table, criterion, listed=bool(lists)))
            values.append(criterion.value)
    place = _place(table, order, driven=driven, listed=bool(lists))
    way, direction = ("<", "DESC") if order.descending else (">", "ASC")
    if after is not None:
        conditions.append(f"({', '.join(place)}) {way} ({', '.join('?' * len(place))})")
        values += after[-len(place) :]
    sources = [f"{table.name}_{one.column} s{number}" for number, one in enumerate(lists)]
    sql = f"SELECT {{}} FROM {' CROSS JOIN '.join((*sources, f'{table.name} t'))}"  # noqa: S608 - our own names
    sql += f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"{sql} ORDER BY {', '.join(f'{one} {direction}' for one in place)} LIMIT ?", values


def _joined(table: Table, lists: Sequence[Criterion]) -> tuple[list[str], list[Any]]:
    """Return the conditions by which lists' elements lead to each other and to their row."""
    conditions: list[str] = []
    for number in range(len(lists)):
        conditions.append(f"s{number}.value = ?")
        conditions.append(f"t.{table.model.key} = s0.key" if number == 0 else f"s{number}.key = s0.key")
    return conditions, [one.value for one in lists]


def _place(table: Table, order: Order, *, driven: bool, listed: bool) -> list[str]:
    """Return what orders the page: by the key alone straight from the list or table, else the column and the key."""
    key = table.model.key
    if order.column == key:
        return ["s0.key" if listed else f"t.{key}"]
    return [f"+t.{order.column}" if driven else f"t.{order.column}", f"t.{key}"]


def _span(table: Table, criterion: Criterion, *, listed: bool) -> str:
    """Return the keys between which a span of a rising column lies."""
    key, column = table.model.key, criterion.column
    way, direction = ("<=", "DESC") if criterion.operator == "below" else (">=", "ASC")
    edge = f"SELECT {key} FROM {table.name} WHERE {column} {_COMPARED[criterion.operator]} ?"  # noqa: S608 - our own names
    edge += f" ORDER BY {column} {direction}, {key} {direction} LIMIT 1"
    return f"{'s0.key' if listed else f't.{key}'} {way} ({edge})"


def _condition(table: Table, criterion: Criterion, *, driven: bool) -> tuple[str, list[Any]]:
    """Return a comparison of the row; a plus before its column keeps SQLite from driving the statement by its index."""
    model, column_of, value = table.model, criterion.column, criterion.value
    held_back = column_of in model.rising or (driven and column_of not in model.selective)
    column = f"+t.{column_of}" if held_back else f"t.{column_of}"
    match criterion.operator:
        case "any-of":
            return f"{column} IN ({', '.join('?' * len(value))})", list(value)
        case "prefix":
            return f"{column} >= ? AND {column} < ?", [value, value + _LAST_CHARACTER]
        case "holds-any":
            held = f"SELECT 1 FROM {table.name}_{column_of} WHERE value IN ({', '.join('?' * len(value))})"  # noqa: S608 - our own names
            return f"EXISTS ({held} AND key = t.{model.key})", list(value)
        case operator:
            return f"{column} {_COMPARED[operator]} ?", [value]

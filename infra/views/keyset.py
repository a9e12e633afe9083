"""One page of any read model: a filter's criteria and a keyset cursor as SQL."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from typing import Any

from pydantic_core import from_json, to_json

from domain.errors import InvalidInput
from infra.views.tables import Row, Table
from projections.base import EVERYBODY
from projections.query import MAX_LIMIT, Criterion, Filter, Order

MAX_CURSOR = 1024
"""Longest cursor we read, in characters."""

_COMPARED = {"equals": "=", "at-least": ">=", "below": "<"}
_LAST_CHARACTER = "\U0010ffff"


def _bad_cursor() -> InvalidInput:
    return InvalidInput("not a cursor of this list", rule="cursor", fix="start again without a cursor")


def order_of(where: Filter) -> Order:
    """Return the order that a filter names; raises InvalidInput."""
    order = where.ORDERS.get(where.order)
    if order is None:
        raise InvalidInput(
            f"{where.order!a} is no order of this list", rule="order", fix=f"use one of {', '.join(where.ORDERS)}"
        )
    return order


def check_limit(limit: int) -> None:
    """Raise InvalidInput unless a page of this many rows may be asked for."""
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInput(f"a page has 1 to {MAX_LIMIT} rows", rule="page-limit", fix="choose a limit in that range")


def write_cursor(table: Table, where: Filter, row: Row) -> str:
    """Return the cursor that continues after a row. It is no secret and grants nothing."""
    keyset = [table.model.name, where.order, row[order_of(where).column], row[table.model.key]]
    return base64.urlsafe_b64encode(to_json(keyset)).decode().rstrip("=")


def read_cursor(table: Table, where: Filter, cursor: str) -> tuple[Any, Any]:
    """Return (order value, key) of the row before the page; raises InvalidInput for what we did not write."""
    if len(cursor) > MAX_CURSOR:
        raise _bad_cursor()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keyset = from_json(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    match keyset:
        case [table.model.name, where.order, value, key]:
            column = order_of(where).column
            kind = table.model.key_type if column == table.model.key else table.model.columns[column]
            if _is(kind, value) and _is(table.model.key_type, key):
                return value, key
    raise _bad_cursor()


def _is(kind: str, value: Any) -> bool:
    if kind == "text":
        return isinstance(value, str) and "\0" not in value and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


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
    order = order_of(where)
    conditions: list[str] = []
    values: list[Any] = []
    scoped = team_ids is not None and table.model.scope != EVERYBODY
    scope = (scope_of(table, team_ids or ()),) if scoped else ()
    for criterion in (*where.criteria(), *scope):
        sql, arguments = _condition(table, criterion)
        conditions.append(sql)
        values += arguments
    way = "<" if order.descending else ">"
    if cursor is not None:
        conditions.append(f"({order.column}, {table.model.key}) {way} (?, ?)")
        values += read_cursor(table, where, cursor)
    direction = "DESC" if order.descending else "ASC"
    sql = f"{table.select}{' WHERE ' if conditions else ''}{' AND '.join(conditions)}"
    sql += f" ORDER BY {order.column} {direction}, {table.model.key} {direction} LIMIT ?"
    rows = [table.row(record) for record in db.execute(sql, (*values, limit + 1))]
    more = write_cursor(table, where, rows[limit - 1]) if len(rows) > limit else None
    return rows[:limit], more


def scope_of(table: Table, team_ids: tuple[str, ...]) -> Criterion:
    """Return the criterion that only rows of these teams meet: none at all in a model that no team owns a part of."""
    scope = table.model.scope
    if scope is None:
        return Criterion("any-of", table.model.key, ())
    return Criterion("holds-any" if scope in table.model.many else "any-of", scope, team_ids)


def _condition(table: Table, criterion: Criterion) -> tuple[str, list[Any]]:
    column, value = criterion.column, criterion.value
    side = f"{table.model.key} IN (SELECT key FROM {table.name}_{column} WHERE value"  # noqa: S608 - our own names
    match criterion.operator:
        case "any-of":
            return f"{column} IN ({', '.join('?' * len(value))})", list(value)
        case "prefix":
            return f"{column} >= ? AND {column} < ?", [value, value + _LAST_CHARACTER]
        case "holds":
            return f"{side} = ?)", [value]
        case "holds-any":
            return f"{side} IN ({', '.join('?' * len(value))}))", list(value)
        case operator:
            return f"{column} {_COMPARED[operator]} ?", [value]

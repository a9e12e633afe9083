"""One page of any read model: a filter's criteria and a keyset cursor as SQL."""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json

from domain.errors import InvalidInput
from infra.views.plan import branches, plan
from infra.views.tables import Row, Table
from projections.base import EVERYBODY
from projections.query import MAX_LIMIT, Criterion, Filter, Order

MAX_CURSOR = 1024
"""Longest cursor we read, in characters."""


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
    scoped = team_ids is not None and table.model.scope != EVERYBODY
    scope = (scope_of(table, team_ids or ()),) if scoped else ()
    after = None if cursor is None else read_cursor(table, where, cursor)
    plans = [plan(table, branch, order, after) for branch in branches(db, table, (*where.criteria(), *scope))]
    if len(plans) == 1:
        sql, values = plans[0]
        rows = [table.row(record) for record in db.execute(sql.format(table.all_names), (*values, limit + 1))]
    else:
        rows = _merged(db, table, plans, order, limit + 1)
    more = write_cursor(table, where, rows[limit - 1]) if len(rows) > limit else None
    return rows[:limit], more


def _merged(
    db: sqlite3.Connection, table: Table, plans: Sequence[tuple[str, list[Any]]], order: Order, limit: int
) -> list[Row]:
    """Return the first rows of several statements: their places first, then only the rows that are shown."""
    names = f"t.{order.column}, t.{table.model.key}"
    places = {place for sql, values in plans for place in db.execute(sql.format(names), (*values, limit))}
    shown = sorted(places, reverse=order.descending)[:limit]
    return [row for _, key in shown if (row := table.load(db, key)) is not None]


def scope_of(table: Table, team_ids: tuple[str, ...]) -> Criterion:
    """Return the criterion that only rows of these teams meet: none at all in a model that no team owns a part of."""
    scope = table.model.scope
    if scope is None:
        return Criterion("any-of", table.model.key, ())
    return Criterion("holds-any" if scope in table.model.many else "any-of", scope, team_ids)

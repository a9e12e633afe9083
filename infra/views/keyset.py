"""What a page of any read model is, in any store: its order, its cursor, its limits, whose rows it shows."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from pydantic_core import from_json, to_json

from domain.errors import InvalidInput
from infra.views.store import Row
from projections.base import EVERYBODY, Projection
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


def write_cursor(model: Projection[Any], where: Filter, row: Row) -> str:
    """Return the cursor that continues after a row. It is no secret and grants nothing."""
    keyset = [model.name, where.order, row[order_of(where).column], row[model.key]]
    return base64.urlsafe_b64encode(to_json(keyset)).decode().rstrip("=")


def read_cursor(model: Projection[Any], where: Filter, cursor: str) -> tuple[Any, Any]:
    """Return (order value, key) of the row before the page; raises InvalidInput for what we did not write."""
    if len(cursor) > MAX_CURSOR:
        raise _bad_cursor()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keyset = from_json(base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    match keyset:
        case [model.name, where.order, value, key]:
            column = order_of(where).column
            kind = model.key_type if column == model.key else model.columns[column]
            if _is(kind, value) and _is(model.key_type, key):
                return value, key
    raise _bad_cursor()


def _is(kind: str, value: Any) -> bool:
    if kind == "text":
        return isinstance(value, str) and "\0" not in value and value.isprintable()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def scope_of(model: Projection[Any], team_ids: tuple[str, ...]) -> Criterion:
    """Return the criterion that only rows of these teams meet: none at all in a model that no team owns a part of."""
    scope = model.scope
    if scope is None:
        return Criterion("any-of", model.key, ())
    return Criterion("holds-any" if scope in model.many else "any-of", scope, team_ids)


def criteria_of(model: Projection[Any], where: Filter, team_ids: tuple[str, ...] | None) -> tuple[Criterion, ...]:
    """Return what the rows of a page must meet: what the filter says, and whose they are."""
    scoped = team_ids is not None and model.scope != EVERYBODY
    return (*where.criteria(), *((scope_of(model, team_ids or ()),) if scoped else ()))


def turned(model: Projection[Any], where: Filter, rows: list[Row], limit: int) -> tuple[list[Row], str | None]:
    """Return the rows of a page, and its cursor where one row more than a page was found."""
    more = write_cursor(model, where, rows[limit - 1]) if len(rows) > limit else None
    return rows[:limit], more

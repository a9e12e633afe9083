"""Questions to a read model: a filter object per model, one keyset page as the answer.

A filter is a frozen dataclass whose fields say by :func:`equals`, :func:`any_of`, … what they compare, so that one
generic ``find`` per store serves every model::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class HostFilter(Filter):
        ORDERS: ClassVar = {"name": Order("name")}
        order: str = "name"
        team_id: str | None = equals("team_id")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar

from projections.base import Projection, R

MAX_LIMIT = 200
"""Most rows of a page."""

Operator = Literal["equals", "any-of", "at-least", "below", "prefix", "holds", "holds-any"]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One comparison of a column with a value; ``any-of`` and ``holds-any`` an empty tuple are never true."""

    operator: Operator
    column: str
    value: Any


@dataclass(frozen=True, slots=True)
class Order:
    """The column that orders a page, which is never null; the key decides between equals."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Base of all filters: a field that is None does not restrict. ``order`` names one of ``ORDERS``."""

    ORDERS: ClassVar[Mapping[str, Order]] = {}
    order: str = ""

    def criteria(self) -> tuple[Criterion, ...]:
        """Return the comparisons that a row must meet, all of them."""
        return tuple(
            Criterion(one.metadata["operator"], one.metadata["column"], getattr(self, one.name))
            for one in fields(self)
            if "operator" in one.metadata and getattr(self, one.name) is not None
        )


def _compares(operator: Operator, column: str, default: Any = None) -> Any:
    return field(default=default, metadata={"operator": operator, "column": column})


def equals(column: str, *, default: Any = None) -> Any:
    """Compare a column for equality."""
    return _compares("equals", column, default)


def any_of(column: str) -> Any:
    """Accept the rows whose column is one of the given values; no value, no row."""
    return _compares("any-of", column)


def at_least(column: str) -> Any:
    """Accept the rows whose column is the given value or more."""
    return _compares("at-least", column)


def below(column: str) -> Any:
    """Accept the rows whose column is less than the given value."""
    return _compares("below", column)


def prefix(column: str) -> Any:
    """Accept the rows whose column begins with the given text."""
    return _compares("prefix", column)


def holds(column: str) -> Any:
    """Accept the rows whose list has the given element."""
    return _compares("holds", column)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows in order. ``next_cursor`` asks for what follows (None at the end); ``position``: as of where."""

    rows: tuple[Row, ...]
    next_cursor: str | None
    position: int


class Views(Protocol):
    """The read models as endpoints see them.

    Readers see one consistent state per call. They may not assume that it contains what was just written: they wait
    for a position first. ``team_ids`` restricts to what these teams own (None: no restriction); it is the one place
    where reads are scoped.
    """

    @property
    def position(self) -> int:
        """Position of the last event that is folded."""

    def get(self, model: Projection[R], key: str | int, *, team_ids: tuple[str, ...] | None = None) -> R | None:
        """Return one row; None where there is none, or none of these teams. Raises Unavailable."""

    def find(
        self,
        model: Projection[R],
        where: Filter,
        *,
        team_ids: tuple[str, ...] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[R]:
        """Return a page of rows. Raises InvalidInput for a bad cursor, limit or order, and Unavailable."""

    async def wait_for(
        self,
        position: int,
        *,
        timeout: float = 5.0,  # noqa: ASYNC109 - the caller wants our Unavailable, not a TimeoutError
    ) -> None:
        """Return once ``position`` is folded; raises Unavailable after ``timeout`` seconds."""


def every(views: Views, model: Projection[R], where: Filter) -> Iterator[R]:
    """Yield all rows that a filter accepts, page by page."""
    cursor: str | None = None
    while True:
        page = views.find(model, where, cursor=cursor, limit=MAX_LIMIT)
        yield from page.rows
        cursor = page.next_cursor
        if cursor is None:
            return

"""What every store of small state offers: few operations, each of them on one declared table.

A :class:`Records` answers for the tables of one :class:`infra.records.tables.Tables`. Callers may assume that it is
shared by all threads and all processes. Every method raises :class:`domain.errors.Unavailable` under the rule of the
tables while the store does not answer, and :class:`domain.errors.InvalidInput` for a value that no store takes; a
driver's exception never comes through.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

from infra.records.tables import Row, Table, Tables, Value

T = TypeVar("T")
Sign = Literal["<", "<=", ">", "!=", "in"]


@dataclass(frozen=True, slots=True)
class Bound:
    """A condition on a column other than equality; a column that holds nothing meets none of them."""

    sign: Sign
    value: Any


def below(value: float) -> Bound:
    """Ask for less."""
    return Bound("<", value)


def at_most(value: float) -> Bound:
    """Ask for as much or less."""
    return Bound("<=", value)


def above(value: float) -> Bound:
    """Ask for more."""
    return Bound(">", value)


def other_than(value: Value) -> Bound:
    """Ask for anything but this."""
    return Bound("!=", value)


def one_of(values: object) -> Bound:
    """Ask for one of these."""
    return Bound("in", tuple(values))  # type: ignore[arg-type] # any iterable; a column's kind is checked later


Where = Mapping[str, Value | Bound]
"""Conditions that all hold; a plain value means equality, None: the column holds nothing. Empty: every row."""


class Reading(Protocol):
    """Looking at rows."""

    def get(self, table: Table, *key: Value) -> Row | None:
        """Return the row with this key."""

    def find(
        self,
        table: Table,
        where: Where | None = None,
        *,
        order: tuple[str, ...] = (),
        limit: int | None = None,
        columns: tuple[str, ...] = (),
    ) -> list[Row]:
        """Return rows; ``order`` names columns, ``-`` before one: descending; ``columns``: only these of each row.

        Text is in the order of its UTF-8 bytes. Bytes have an order in no two stores: do not ask for one.
        """

    def count(self, table: Table, where: Where | None = None) -> int:
        """Return how many rows there are."""


class Transaction(Reading, Protocol):
    """What a function that runs in :meth:`Records.transact` may do. It sees its own changes."""

    def insert(self, table: Table, row: Mapping[str, object]) -> bool:
        """Add a row; False, and nothing is changed, where its key or a unique set of columns is taken."""

    def put(self, table: Table, *rows: Mapping[str, object]) -> None:
        """Add rows, each in the place of the one with its key; for tables with no unique columns but the key."""

    def update(self, table: Table, where: Where, changes: Mapping[str, object]) -> int:
        """Change rows; returns how many there were, changed or not."""

    def delete(self, table: Table, where: Where) -> list[Row]:
        """Remove rows and return them: of any number of callers one gets each row."""

    def hold(self, table: Table, where: Where) -> int:
        """Keep rows as they are until this transaction ends, and return how many there are.

        Reading does not do that on MongoDB: of two transactions that read what the other writes both may succeed.
        """


class Records(Reading, Protocol):
    """One store of some tables."""

    @property
    def tables(self) -> Tables:
        """Return what this store keeps."""

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` all or nothing, as if nobody else did anything meanwhile to the rows that it writes or holds.

        What it raises undoes it. After a conflict it is run again, so it changes nothing but by its transaction. Where
        the store's answer to the commit was lost for good, Unavailable leaves open whether it counts.
        """

    def scrub(self) -> None:
        """Make what was deleted as hard to find as this store can: see the README for how hard that is."""

    def close(self) -> None:
        """Let go of files and sockets of its own; nothing is answered afterwards."""

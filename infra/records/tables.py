"""Tables of small state, declared once as data: every store makes its own form of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domain.errors import InvalidInput

Kind = Literal["text", "int", "real", "blob", "text?", "real?"]
"""What a column holds; a question mark: or nothing."""
Value = str | int | float | bytes | None
Row = dict[str, Any]
"""A value for every column of a table, by name."""

LARGEST = 1024 * 1024
"""Most bytes of one value: what is kept here is small, and MongoDB takes no document above 16 MiB."""
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One table; ``key`` and each of ``unique`` name columns whose values together stand once, and are never changed.

    ``indexes``: columns that are searched by, under the name of the index.
    """

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def fixed(self) -> frozenset[str]:
        """Return the columns that no update may touch."""
        return frozenset(self.key).union(*self.unique)

    def fit(self, column: str, value: object) -> Value:
        """Return a value as this column holds it. Raises InvalidInput for one that no store takes."""
        kind = self.columns.get(column)
        if kind is None:
            raise _refused(f"{self.name} has no column {column}", "name a column of the table")
        if value is None and kind.endswith("?"):
            return None
        fitted = _fitted(kind.rstrip("?"), value)
        if fitted is None:
            raise _refused(
                f"a value for {self.name}.{column} is no {kind} that can be kept",
                "give text without lone surrogates, integers of 64 bits, numbers, or bytes",
            )
        if isinstance(fitted, str | bytes) and len(fitted) > LARGEST:
            raise _refused(f"a value for {self.name}.{column} has more than {LARGEST} bytes", "give a shorter one")
        return fitted

    def row(self, given: Mapping[str, object]) -> Row:
        """Return a whole row, checked and in the order of the columns. Raises InvalidInput."""
        if given.keys() != self.columns.keys():
            raise _refused(f"a row of {self.name} has other columns", "give every column of the table")
        return {column: self.fit(column, given[column]) for column in self.columns}

    def changes(self, given: Mapping[str, object]) -> Row:
        """Return new values of some columns, checked. Raises InvalidInput, also for a column of a key."""
        if taken := sorted(self.fixed & given.keys()):
            raise _refused(f"{self.name}.{taken[0]} is part of a key", "insert another row")
        return {column: self.fit(column, value) for column, value in given.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Tables that are kept, and changed, together: one SQLite file, or collections with one prefix.

    - ``what``, ``rule``, ``fix``: what is said where the store cannot be used.
    - ``durable``: a commit waits for the disk; without it the last moments may be lost with the machine's power.
    """

    name: str
    tables: tuple[Table, ...]
    what: str
    rule: str
    fix: str
    durable: bool = False


def _fitted(kind: str, value: object) -> Value:
    match kind, value:
        case "text", str() if _encodes(value):
            return value
        case "int", int() if _INT_MIN <= value <= _INT_MAX:
            return int(value)
        case "real", int() | float() if math.isfinite(value):
            return float(value)
        case "blob", bytes():
            return value
    return None


def _encodes(text: str) -> bool:
    try:
        return len(text.encode()) <= LARGEST or len(text) > LARGEST  # the longer one is refused by its size
    except UnicodeEncodeError:
        return False


def _refused(why: str, fix: str) -> InvalidInput:
    return InvalidInput(why, rule="record-value", fix=fix)

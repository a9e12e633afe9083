"""Moving small state to another store: row by row as it is, begun again wherever it was broken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from domain.errors import WrongState
from infra.records.port import Records, Transaction
from infra.records.tables import Row, Table

_AT_ONCE = 100
Tell = Callable[[str], None]


def copy_records(source: Records, target: Records, tables: Sequence[Table], *, tell: Tell) -> int:
    """Copy what the target does not have yet, compare both, and return how many rows there are.

    Nobody may write to either meanwhile. A target that holds anything else is refused with WrongState before anything
    is written: it would become a mixture of two backends. A table is read into memory whole.
    """
    for table in tables:
        _refuse_other(source, target, table)
    for table in tables:
        missing = _rows(source, table)
        for name in _rows(target, table):
            missing.pop(name)
        for rows in _pieces(list(missing.values())):
            target.transact(partial(_add, table, rows))
        if _rows(source, table) != _rows(target, table):
            raise _differs(target, table)
        tell(f"{target.tables.what}, {table.name}: {target.count(table)} rows, {len(missing)} of them now")
    return sum(target.count(table) for table in tables)


def _add(table: Table, rows: Sequence[Row], tx: Transaction) -> None:
    for row in rows:
        tx.insert(table, row)


def _rows(records: Records, table: Table) -> dict[tuple[object, ...], Row]:
    return {tuple(row[name] for name in table.key): row for row in records.find(table)}


def _refuse_other(source: Records, target: Records, table: Table) -> None:
    known = _rows(source, table)
    if any(known.get(name) != row for name, row in _rows(target, table).items()):
        raise _differs(target, table)


def _differs(target: Records, table: Table) -> WrongState:
    return WrongState(
        f"the target's {target.tables.what} holds rows ({table.name}) that the source does not have",
        rule="copy-target",
        fix="stop whatever runs on either store; copy into an empty one",
    )


def _pieces(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]

"""Small state in SQLite: one file per set of tables, which the processes of one machine share."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from domain.errors import InvalidInput, Unavailable
from infra.database_file import create_once
from infra.records.port import Bound, T, Transaction, Where
from infra.records.tables import Row, Table, Tables, Value

_BUSY_S = 5.0
_TYPES = {"text": "TEXT", "int": "INTEGER", "real": "REAL", "blob": "BLOB"}


def sqlite_records(path: Path | str, tables: Tables) -> SqliteRecords:
    """Return the records of a file, made with mode 0600 at first use; ``:memory:`` is one of nobody else's."""
    return SqliteRecords(path, tables)


class SqliteRecords:
    """Adapter of :class:`infra.records.port.Records`: one connection, used by one thread at a time.

    ``secure_delete`` overwrites removed rows, so that what was deleted does not stay in the free pages of the file.
    """

    def __init__(self, path: Path | str, tables: Tables) -> None:
        self._path, self.tables = path, tables
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def get(self, table: Table, *key: Value) -> Row | None:
        """Return the row with this key."""
        with self._answering() as connection:
            return Statements(connection).get(table, *key)

    def find(
        self,
        table: Table,
        where: Where | None = None,
        *,
        order: tuple[str, ...] = (),
        limit: int | None = None,
        columns: tuple[str, ...] = (),
    ) -> list[Row]:
        """Return rows; see the port."""
        with self._answering() as connection:
            return Statements(connection).find(table, where, order=order, limit=limit, columns=columns)

    def count(self, table: Table, where: Where | None = None) -> int:
        """Return how many rows there are."""
        with self._answering() as connection:
            return Statements(connection).count(table, where)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` as one transaction, the only one that writes; an exception, also of the commit, undoes it."""
        with self._answering() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(Statements(connection))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk may have ended it already
                    connection.execute("ROLLBACK")
                raise
            return result

    def scrub(self) -> None:
        """Fold the write-ahead log, which holds earlier pages, into the file and empty it."""
        with self._answering() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _answering(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; what SQLite cannot do (disk full, file closed or damaged) is said as Unavailable."""
        with self._lock:
            try:
                yield self._opened()
            except sqlite3.Error as failure:
                raise Unavailable(
                    f"the {self.tables.what} takes and gives nothing now: {failure}",
                    rule=self.tables.rule,
                    fix=self.tables.fix,
                ) from failure

    def _opened(self) -> sqlite3.Connection:
        if self._closed:
            raise Unavailable(f"the {self.tables.what} is closed", rule=self.tables.rule, fix="start the backend again")
        if self._connection is None:
            self._connection = _open(self._path, self.tables)
        return self._connection


class Statements:
    """The operations as statements of one connection; every name in them is a declared one, every value a parameter."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, table: Table, *key: Value) -> Row | None:
        """Return the row with this key."""
        return next(iter(self.find(table, dict(zip(table.key, key, strict=True)))), None)

    def find(
        self,
        table: Table,
        where: Where | None = None,
        *,
        order: tuple[str, ...] = (),
        limit: int | None = None,
        columns: tuple[str, ...] = (),
    ) -> list[Row]:
        """Return rows; see the port."""
        names = columns or tuple(table.columns)
        condition, values = _condition(table, where)
        sql = f"SELECT {', '.join(names)} FROM {table.name}{condition}{_order(order)} LIMIT ?"  # noqa: S608 - declared names
        values.append(-1 if limit is None else limit)
        return [dict(zip(names, row, strict=True)) for row in self._connection.execute(sql, values)]

    def count(self, table: Table, where: Where | None = None) -> int:
        """Return how many rows there are."""
        condition, values = _condition(table, where)
        sql = f"SELECT count(*) FROM {table.name}{condition}"  # noqa: S608 - declared names
        return int(self._connection.execute(sql, values).fetchone()[0])

    def insert(self, table: Table, row: Mapping[str, object]) -> bool:
        """Add a row; False where its place is taken."""
        sql = f"INSERT OR IGNORE INTO {_places(table)}"
        return self._connection.execute(sql, tuple(table.row(row).values())).rowcount == 1

    def put(self, table: Table, *rows: Mapping[str, object]) -> None:
        """Add rows, each in the place of the one with its key."""
        told = ", ".join(f"{name} = excluded.{name}" for name in table.columns)
        sql = f"INSERT INTO {_places(table)} ON CONFLICT ({', '.join(table.key)}) DO UPDATE SET {told}"
        self._connection.executemany(sql, [tuple(table.row(row).values()) for row in rows])

    def update(self, table: Table, where: Where, changes: Mapping[str, object]) -> int:
        """Change rows; returns how many there were."""
        fresh = table.changes(changes)
        condition, values = _condition(table, where)
        told = ", ".join(f"{name} = ?" for name in fresh)
        sql = f"UPDATE {table.name} SET {told}{condition}"  # noqa: S608 - declared names
        return self._connection.execute(sql, [*fresh.values(), *values]).rowcount

    def delete(self, table: Table, where: Where) -> list[Row]:
        """Remove rows and return them."""
        names = tuple(table.columns)
        condition, values = _condition(table, where)
        sql = f"DELETE FROM {table.name}{condition} RETURNING {', '.join(names)}"  # noqa: S608 - declared names
        return [dict(zip(names, row, strict=True)) for row in self._connection.execute(sql, values).fetchall()]

    def hold(self, table: Table, where: Where) -> int:
        """Count rows: the transaction is the only one that writes."""
        return self.count(table, where)


def _places(table: Table) -> str:
    return f"{table.name} ({', '.join(table.columns)}) VALUES ({', '.join('?' * len(table.columns))})"


def _order(order: tuple[str, ...]) -> str:
    terms = [f"{name.lstrip('-')} {'DESC' if name.startswith('-') else 'ASC'}" for name in order]
    return f" ORDER BY {', '.join(terms)}" if terms else ""


def _condition(table: Table, where: Where | None) -> tuple[str, list[Value]]:
    terms: list[str] = []
    values: list[Value] = []
    for column, asked in (where or {}).items():
        if isinstance(asked, Bound) and asked.sign == "in":
            fitted = [table.fit(column, one) for one in asked.value]
            terms.append(f"{column} IN ({', '.join('?' * len(fitted))})")
            values += fitted
        elif isinstance(asked, Bound):
            terms.append(f"{column} {asked.sign} ?")
            values.append(table.fit(column, asked.value))
        elif asked is None:
            terms.append(f"{column} IS NULL")
        else:
            terms.append(f"{column} = ?")
            values.append(table.fit(column, asked))
    return (f" WHERE {' AND '.join(terms)}" if terms else ""), values


def _open(path: Path | str, tables: Tables) -> sqlite3.Connection:
    connection = None
    try:
        if str(path) != ":memory:":
            create_once(Path(path))
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_S)
        synchronous = "FULL" if tables.durable else "NORMAL"
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")
        for statement in schema(tables):
            connection.execute(statement)
    except (OSError, sqlite3.Error) as failure:
        if connection is not None:
            connection.close()
        raise Unavailable(
            f"{path} is no {tables.what} that we can open: {failure}", rule=tables.rule, fix=tables.fix
        ) from failure
    return connection


def schema(tables: Tables) -> Iterator[str]:
    """Yield the statements that make what is not there yet."""
    for table in tables.tables:
        columns = [
            f"{name} {_TYPES[kind.rstrip('?')]}{'' if kind.endswith('?') else ' NOT NULL'}"
            for name, kind in table.columns.items()
        ]
        sets = [f"PRIMARY KEY ({', '.join(table.key)})", *(f"UNIQUE ({', '.join(one)})" for one in table.unique)]
        yield f"CREATE TABLE IF NOT EXISTS {table.name} ({', '.join([*columns, *sets])}) STRICT"
        for name, searched in table.indexes.items():
            yield f"CREATE INDEX IF NOT EXISTS {name} ON {table.name} ({', '.join(searched)})"


def forget(path: Path, *tables: Table) -> None:
    """Remove every row of some tables from a file that nobody uses; overwritten, as everything deleted."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA secure_delete=ON")
            for table in tables:
                connection.execute(f"DELETE FROM {table.name}")  # noqa: S608 - declared names
        finally:
            connection.close()
    except sqlite3.Error as failure:
        raise InvalidInput(
            f"{path.name} cannot be used: {failure}", rule="restore-failed", fix="take another back-up"
        ) from failure

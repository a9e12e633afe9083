"""Small state in MongoDB: one collection per table, every change a transaction that a majority has on disk."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, ReadPreference, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern

from domain.errors import Unavailable
from infra.mongodb.connection import MAJORITY, Document, MongoConnection
from infra.records.port import Bound, T, Transaction, Where
from infra.records.tables import Row, Table, Tables, Value

_PATIENCE_S = 10.0
"""So long a transaction is tried again: an election takes less."""
_PAUSES_MS = (1, 2, 5, 10, 20, 40)
_DUPLICATE_KEY = 11_000
_SIGNS = {"<": "$lt", "<=": "$lte", ">": "$gt", "in": "$in"}
_HELD = "_held"
"""Counts how often a document was held: a write that changes nothing would keep nobody away."""


def mongo_records(connection: MongoConnection, tables: Tables) -> MongoRecords:
    """Return the records in this database; collections and indexes are there already (see :func:`collections`)."""
    return MongoRecords(connection, tables)


def collections(tables: Tables) -> dict[str, list[IndexModel]]:
    """Return the collections of some tables, each with the indexes that it needs besides that of ``_id``."""
    return {name_of(tables, table): list(_indexes(table)) for table in tables.tables}


def name_of(tables: Tables, table: Table) -> str:
    """Return the name of a table's collection."""
    return f"records_{tables.name}_{table.name}"


class MongoRecords:
    """Adapter of :class:`infra.records.port.Records`. The row's key is the document's ``_id``: it is unique by nature.

    Reads see what a majority has. A transaction reads one snapshot and loses against whoever wrote the same documents
    first; then it is run again, within ten seconds.
    """

    def __init__(self, connection: MongoConnection, tables: Tables) -> None:
        self._connection, self.tables = connection, tables

    def get(self, table: Table, *key: Value) -> Row | None:
        """Return the row with this key."""
        with self._answering():
            return self._operations().get(table, *key)

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
        with self._answering():
            return self._operations().find(table, where, order=order, limit=limit, columns=columns)

    def count(self, table: Table, where: Where | None = None) -> int:
        """Return how many rows there are."""
        with self._answering():
            return self._operations().count(table, where)

    def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` as one transaction, again and again after conflicts."""
        ends = time.monotonic() + _PATIENCE_S
        with self._answering(), self._connection.client.start_session() as session:
            tries = 0
            while True:
                try:
                    return self._attempt(session, work, ends)
                except PyMongoError as error:
                    if not _is_conflict(error) or time.monotonic() > ends:
                        raise
                _pause(tries)
                tries += 1

    def scrub(self) -> None:
        """Do nothing: what WiredTiger still holds of deleted documents is out of a client's reach."""

    def close(self) -> None:
        """Do nothing: the connection is everybody's."""

    def _attempt(self, session: ClientSession, work: Callable[[Transaction], T], ends: float) -> T:
        session.start_transaction(ReadConcern("snapshot"), MAJORITY, ReadPreference.PRIMARY)
        try:
            result = work(self._operations(session))
        except BaseException:
            session.abort_transaction()
            raise
        _commit(session, ends)
        return result

    def _operations(self, session: ClientSession | None = None) -> Operations:
        return Operations(self._connection.database, self.tables, session)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with self._connection.reaching():
                yield
        except Unavailable as failure:
            if failure.rule != "database-unavailable":  # what the work itself found unavailable
                raise
            raise Unavailable(
                f"the {self.tables.what} takes and gives nothing now: {failure.message}",
                rule=self.tables.rule,
                fix=failure.fix,
            ) from failure


class Operations:
    """The operations on documents; every name in them is a declared one, no value is ever read as an operator."""

    def __init__(self, database: Database[Document], tables: Tables, session: ClientSession | None) -> None:
        self._database, self._tables, self._session = database, tables, session

    def get(self, table: Table, *key: Value) -> Row | None:
        """Return the row with this key."""
        return next(iter(self.find(table, dict(zip(table.key, key, strict=True)), limit=1)), None)

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
        if limit is not None and limit <= 0:
            return []  # to MongoDB, 0 is no limit
        names = columns or tuple(table.columns)
        shown = {"_id": 0, **dict.fromkeys(names, 1)}
        found = self._of(table).find(_filter(table, where), shown, limit=limit or 0, session=self._session)
        if order:
            found = found.sort([(name.lstrip("-"), DESCENDING if name[0] == "-" else ASCENDING) for name in order])
        return [{name: _plain(document[name]) for name in names} for document in found]

    def count(self, table: Table, where: Where | None = None) -> int:
        """Return how many rows there are."""
        return self._of(table).count_documents(_filter(table, where), session=self._session)

    def insert(self, table: Table, row: Mapping[str, object]) -> bool:
        """Add a row; False where its place is taken. A taken place that is not seen yet is a conflict."""
        fitted = table.row(row)
        for names in (table.key, *table.unique):
            taken = _filter(table, {name: fitted[name] for name in names})
            if self._of(table).find_one(taken, {"_id": 1}, session=self._session) is not None:
                return False
        self._of(table).insert_one(_document(table, fitted), session=self._session)
        return True

    def put(self, table: Table, *rows: Mapping[str, object]) -> None:
        """Add rows, each in the place of the one with its key."""
        documents = [_document(table, table.row(row)) for row in rows]
        writes = [ReplaceOne({"_id": {"$eq": each["_id"]}}, each, upsert=True) for each in documents]
        if writes:
            self._of(table).bulk_write(writes, session=self._session)

    def update(self, table: Table, where: Where, changes: Mapping[str, object]) -> int:
        """Change rows; returns how many there were."""
        told = {"$set": table.changes(changes)}
        return self._of(table).update_many(_filter(table, where), told, session=self._session).matched_count

    def delete(self, table: Table, where: Where) -> list[Row]:
        """Remove rows and return them."""
        rows = self.find(table, where)
        if rows:
            names = [_id(table, row) for row in rows]
            self._of(table).delete_many({"_id": {"$in": names}}, session=self._session)
        return rows

    def hold(self, table: Table, where: Where) -> int:
        """Write to rows without changing them, and return how many there are."""
        return (
            self._of(table)
            .update_many(_filter(table, where), {"$inc": {_HELD: 1}}, session=self._session)
            .matched_count
        )

    def _of(self, table: Table) -> Collection[Document]:
        return self._database[name_of(self._tables, table)]


def _id(table: Table, row: Mapping[str, Any]) -> Any:
    """Return the key as one value; several columns make a document, always in the declared order."""
    return row[table.key[0]] if len(table.key) == 1 else {name: row[name] for name in table.key}


def _document(table: Table, row: Row) -> Document:
    return {"_id": _id(table, row), **row}


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, int) else value  # the driver's 64-bit integers have a type of their own


def _filter(table: Table, where: Where | None) -> Document:
    """Return the conditions; a whole key is looked up by ``_id``."""
    terms = {name: _term(table, name, asked) for name, asked in (where or {}).items()}
    if all(name in terms and "$eq" in terms[name] for name in table.key):
        terms["_id"] = {"$eq": _id(table, {name: terms.pop(name)["$eq"] for name in table.key})}
    return terms


def _term(table: Table, column: str, asked: Value | Bound) -> Document:
    if not isinstance(asked, Bound):
        return {"$eq": table.fit(column, asked)}
    if asked.sign == "in":
        return {"$in": [table.fit(column, one) for one in asked.value]}
    if asked.sign == "!=":
        return {"$nin": [table.fit(column, asked.value), None]}
    return {_SIGNS[asked.sign]: table.fit(column, asked.value)}


def _indexes(table: Table) -> Iterator[IndexModel]:
    for names in table.unique:
        yield IndexModel([(name, ASCENDING) for name in names], name=f"unique_{'_'.join(names)}", unique=True)
    for name, searched in table.indexes.items():
        yield IndexModel([(column, ASCENDING) for column in searched], name=name)
    if len(table.key) > 1:
        yield IndexModel([(column, ASCENDING) for column in table.key], name="key")


def _commit(session: ClientSession, ends: float) -> None:
    """Commit; a lost answer is asked for again, which does not commit twice."""
    tries = 0
    while True:
        try:
            session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or time.monotonic() > ends:
                raise
        else:
            return
        _pause(tries)
        tries += 1


def _is_conflict(error: PyMongoError) -> bool:
    """Tell whether the same work may do better in another try: somebody wrote first, or the primary changed."""
    if isinstance(error, BulkWriteError):
        return any(one.get("code") == _DUPLICATE_KEY for one in error.details.get("writeErrors", ()))
    return isinstance(error, DuplicateKeyError) or error.has_error_label("TransientTransactionError")


def _pause(tries: int) -> None:
    """Wait a little, each time longer and never as long as another who waits."""
    most = _PAUSES_MS[min(tries, len(_PAUSES_MS) - 1)]
    time.sleep((1 + secrets.randbelow(most * 1000)) / 1e6)

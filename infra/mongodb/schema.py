"""The schema of the database: made by ``sslclm migrate`` with a user who may, checked by every process that starts.

The application creates neither collections nor indexes: what it finds missing or in another form it refuses to work
with, and says which command mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pymongo.database import Database
from pymongo.errors import OperationFailure

from domain.errors import WrongState
from infra.identity.tables import IDENTITY
from infra.keystore.tables import KEYS
from infra.ledger.documents import LEDGER
from infra.mongodb.connection import Document, MongoConnection
from infra.mongodb.parts import Kept, Part
from infra.notices.tables import NOTICES
from infra.records.leases import LEASES
from infra.records.mongodb import collections
from infra.records.passing import PASSING
from infra.records.tables import Tables

SCHEMA = "schema"
RECORDS = (IDENTITY, KEYS, LEASES, NOTICES, PASSING)


def _records(tables: Tables) -> Part:
    kept = (Kept(name, tuple(indexes)) for name, indexes in collections(tables).items())
    return Part(f"records-{tables.name}", 1, tuple(kept))


PARTS: tuple[Part, ...] = (LEDGER, *(_records(tables) for tables in RECORDS))
"""Every part of the backend that keeps something in MongoDB."""

_EXISTS = 48
_MATTERS = ("key", "unique", "partialFilterExpression", "expireAfterSeconds")
_COMMAND = "name it in SSLCLM_DATABASE and run: sslclm migrate (as a user with the role sslclm-migrator)"


def migrate(connection: MongoConnection, parts: Sequence[Part] = PARTS, tell: Callable[[str], None] = print) -> None:
    """Make what is missing, part by part; harmless when repeated.

    Raises WrongState for a newer database or somebody else's, before anything is made.
    """
    with connection.reaching():
        database = connection.database
        for part in parts:
            _refuse_strange(database, part)
        _create(database, Kept(SCHEMA))
        for part in parts:
            for kept in part.collections:
                _create(database, kept)
            database[SCHEMA].update_one({"_id": part.name}, {"$set": {"version": part.version}}, upsert=True)
            tell(f"{part.name}: version {part.version}, {len(part.collections)} collections")


def check_schema(connection: MongoConnection, parts: Sequence[Part] = PARTS) -> None:
    """Raise WrongState, with the command that helps, where the database is not as this version needs it."""
    with connection.reaching():
        database = connection.database
        for part in parts:
            version = _version(database, part)
            _refuse_newer(part, version)
            if version < part.version:
                found = "was never migrated" if not version else f"is of version {version}, {part.version} is needed"
                raise _not_ready(f"the part {part.name} of {connection.url} {found}")
            for kept in part.collections:
                _check_indexes(database, kept)


def _version(database: Database[Document], part: Part) -> int:
    found = database[SCHEMA].find_one({"_id": part.name})
    if found is not None and not isinstance(found.get("version"), int):
        raise _not_ours(database, SCHEMA)
    return int(found["version"]) if found else 0


def _refuse_strange(database: Database[Document], part: Part) -> None:
    """Refuse what a later version has made, and documents that were there before us."""
    version = _version(database, part)
    _refuse_newer(part, version)
    for kept in part.collections:
        if not version and database[kept.name].find_one({}, {"_id": 1}) is not None:
            raise _not_ours(database, kept.name)


def _not_ours(database: Database[Document], collection: str) -> WrongState:
    return WrongState(
        f"the database {database.name} holds something else: its collection {collection} is not ours",
        rule="schema-strange",
        fix="name a database of its own, which nothing else uses",
    )


def _refuse_newer(part: Part, version: int) -> None:
    if version > part.version:
        raise WrongState(
            f"the database's part {part.name} is of version {version}, this program knows {part.version}",
            rule="schema-newer",
            fix="install the version of sslclm that migrated the database, or a later one",
        )


def _create(database: Database[Document], kept: Kept) -> None:
    try:
        database.create_collection(kept.name, check_exists=False)
    except OperationFailure as error:
        if error.code != _EXISTS:
            raise
    if kept.indexes:
        database[kept.name].create_indexes(list(kept.indexes))


def _check_indexes(database: Database[Document], kept: Kept) -> None:
    found = {index["name"]: _essence(index) for index in database[kept.name].list_indexes()}
    for wanted in kept.indexes:
        name = wanted.document["name"]
        if found.get(name) != _essence(wanted.document):
            told = "is missing" if name not in found else "is another one"
            raise _not_ready(f"the index {name} of the collection {kept.name} {told}")


def _essence(index: Mapping[str, Any]) -> Mapping[str, Any]:
    essence = {name: index[name] for name in _MATTERS if index.get(name)}
    return essence | {"key": list(dict(essence["key"]).items())}


def _not_ready(what: str) -> WrongState:
    return WrongState(what, rule="schema-older", fix=_COMMAND)

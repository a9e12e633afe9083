"""The roles of the database, made by a script: nobody holds more than what their work needs.

=====================  ================================================================================
sslclm-application     the backend. Ledger and details: find and insert, never update or remove; other
                       collections as their part says; no collection or index is made or dropped. Read models
                       are in a database of their own, where its user has MongoDB's readWrite: they are rebuilt
sslclm-eraser          removes details of entries (GDPR Art. 17), and reads the ledger to find them
sslclm-migrator        ``sslclm migrate``: collections and indexes; reads the schema's versions and sets them
sslclm-reader          reads everything: back-ups, auditors
=====================  ================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from infra.mongodb.connection import MongoConnection
from infra.mongodb.parts import Part
from infra.mongodb.schema import PARTS, SCHEMA
from infra.views.mongodb.state import database_of

APPLICATION, ERASER, MIGRATOR, READER = (
    "sslclm-application",
    "sslclm-eraser",
    "sslclm-migrator",
    "sslclm-reader",
)
Privilege = dict[str, Any]

_LOOKS = ("find", "listIndexes", "collStats")
_BUILDS = ("createCollection", "createIndex", "collMod", "listIndexes", "find")


def roles(database: str, parts: Sequence[Part] = PARTS) -> dict[str, list[Privilege]]:
    """Return role -> privileges in a database."""

    def on(collection: str, *actions: str) -> Privilege:
        return {"resource": {"db": database, "collection": collection}, "actions": list(actions)}

    every = [kept for part in parts for kept in part.collections]
    names = [SCHEMA, *(kept.name for kept in every)]
    erasable = [on(kept.name, "find", "remove") for kept in every if kept.erasable]
    ledger = [on(kept.name, *_LOOKS) for part in parts if part.name == "ledger" for kept in part.collections]
    return {
        APPLICATION: [on(SCHEMA, "find"), *(on(kept.name, *kept.may) for kept in every)],
        ERASER: [on(SCHEMA, "find"), *ledger, *erasable],
        MIGRATOR: [on(SCHEMA, "insert", "update"), *(on(name, *_BUILDS) for name in names)],
        READER: [on("", "listCollections"), *(on(name, *_LOOKS) for name in names)],
    }


def make_roles(connection: MongoConnection, tell: Callable[[str], None] = print) -> None:
    """Make the roles, or bring them up to date; needs a user who may do that (``userAdmin`` on the database)."""
    with connection.reaching():
        database = connection.database
        known = {role["role"] for role in database.command("rolesInfo", 1)["roles"]}
        for name, privileges in roles(database.name).items():
            command = "updateRole" if name in known else "createRole"
            database.command({command: name, "privileges": privileges, "roles": []})
            tell(f"{name}: {len(privileges)} privileges in {database.name}")
        tell(f"the application's user also needs readWrite on {database_of(connection).name}: its read models")

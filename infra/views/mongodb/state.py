"""The one document that says where the folding stands and which generation of each model answers.

::

    {_id: "state", position, entry_hash, turn, models: {NAME: {version, generation}}, builds: {NAME: generation},
     counter, replaced: [{name: COLLECTION, at}]}

``turn`` is drawn anew by each write of the position or of ``models``. Whoever wants to write names the one he read, so
that one of several wins, also where a position comes back (a failover that lost an unfinished batch).

Rows and state are in a database of their own, ``NAME_views``: MongoDB's roles name collections one by one, and the
generations' names are made as they are built. There the application may do anything; the ledger is out of its reach.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from pymongo.database import Database

from infra.mongodb.connection import MongoConnection
from infra.views.mongodb.documents import Document
from infra.views.store import NO_HASH, Mark

SUFFIX = "_views"
STATE, LEASES = "views_state", "views_leases"
ONE = {"_id": "state"}
GRACE_MS = 60_000
"""A generation that was replaced is dropped after that: no call that read of it lasts so long."""


def database_of(connection: MongoConnection) -> Database[Document]:
    """Return the database of the read models, beside the ledger's."""
    base = connection.database
    return connection.client.get_database(
        f"{base.name}{SUFFIX}",
        codec_options=base.codec_options,
        read_preference=base.read_preference,
        write_concern=base.write_concern,
        read_concern=base.read_concern,
    )


def prepare(database: Database[Document]) -> None:
    """Make the document where there is none."""
    empty: Document = {
        "position": 0, "entry_hash": NO_HASH, "turn": "", "models": {}, "builds": {}, "counter": 0, "replaced": [],
    }  # fmt: skip
    database[STATE].update_one(ONE, {"$setOnInsert": empty}, upsert=True)


def mark_of(state: Document) -> Mark:
    """Return where the folding stands."""
    return Mark(int(state["position"]), bytes(state["entry_hash"]))


def marked(mark: Mark) -> Document:
    """Return what is set when the folding comes to a mark, with a turn of its own."""
    return {"position": mark.position, "entry_hash": mark.entry_hash, "turn": uuid.uuid4().hex}


def swapping(fresh: Sequence[tuple[str, int, int]], replaced: Sequence[str], told: Document) -> list[Document]:
    """Return the update that makes (model, version, generation) current and notes which collections it replaces."""
    models = {f"models.{name}": {"version": version, "generation": number} for name, version, number in fresh}
    gone: list[Any] = [{"name": name, "at": "$$NOW"} for name in replaced]
    kept = {"replaced": {"$concatArrays": ["$replaced", gone]}}
    literal = {name: {"$literal": value} for name, value in (told | models).items()}
    return [{"$set": literal | kept}, {"$unset": [f"builds.{name}" for name, _, _ in fresh]}]


def leasing(holder: str, seconds: float) -> list[Document]:
    """Return the update that takes or renews a lease where it is free or ours, and notes whose it was."""
    ours = {"$eq": ["$holder", holder]}
    free = {"$or": [ours, {"$lte": [{"$ifNull": ["$until", 0]}, "$$NOW"]}]}
    former = {"$ifNull": [{"$cond": [ours, "$former", "$holder"]}, ""]}
    taken = {"holder": holder, "until": {"$add": ["$$NOW", int(seconds * 1_000)]}, "former": former}
    kept = {name: {"$cond": ["$free", value, f"${name}"]} for name, value in taken.items()}
    return [{"$set": {"free": free}}, {"$set": kept}, {"$unset": "free"}]

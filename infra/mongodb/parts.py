"""What a part of the backend keeps in MongoDB: collections, indexes, and what the application may do there."""

from __future__ import annotations

from dataclasses import dataclass

from pymongo import IndexModel

READS = ("find", "listIndexes", "collStats", "changeStream")
APPENDS = (*READS, "insert")
"""The ledger: what is there is never changed, whoever speaks with the application's rights."""
CHANGES = (*APPENDS, "update", "remove")


@dataclass(frozen=True, slots=True)
class Kept:
    """One collection. ``may``: the application's privilege actions. ``erasable``: the eraser may remove from it."""

    name: str
    indexes: tuple[IndexModel, ...] = ()
    may: tuple[str, ...] = CHANGES
    erasable: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Collections that change together; ``version`` counts up when a migration has something to do."""

    name: str
    version: int
    collections: tuple[Kept, ...]

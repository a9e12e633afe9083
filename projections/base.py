"""What a read model is: a name, the facts it folds, a pure fold per kind of fact, the columns it is searched by.

Nothing here knows a store. ``infra/views`` keeps the rows, hands the facts in ledger order to the folds and remembers
the position in the same transaction as the rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar, cast

from domain.base import Event
from domain.moments import microseconds

R = TypeVar("R", bound=Mapping[str, Any])
"""A row: a ``TypedDict`` of what JSON can hold. Times are whole microseconds since 1970 UTC, named ``…_us``."""

E_co = TypeVar("E_co", bound=Event | None, covariant=True)
E = TypeVar("E", bound=Event)


class EntryMetadata:
    """Who, why and from where of one ledger entry; parsed when first asked, once for all facts of the entry."""

    __slots__ = ("_members", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._members: Mapping[str, Any] | None = None

    def text(self, name: str) -> str:
        """Return a member of the metadata that is text; empty where there is none (a ledger may hold any bytes)."""
        if self._members is None:
            self._members = _members(self.raw)
        value = self._members.get(name)
        if not isinstance(value, str):
            return ""
        return value if value.isascii() else value.encode(errors="replace").decode()


def _members(raw: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True, slots=True)
class Fact(Generic[E_co]):
    """One event where it stands in the ledger.

    ``position`` is the event's own, ``first_position`` its entry's. ``state``: the bytes that were stored and hashed;
    ``event`` is read from them, and None where the topic is unknown to this version of the code, which only a fold for
    *every* event gets to see.
    """

    position: int
    first_position: int
    recorded_at_us: int
    stream_id: str
    stream_version: int
    topic: str
    state: bytes
    event: E_co
    entry: EntryMetadata

    @property
    def actor(self) -> str:
        """Pseudonym of who issued the command."""
        return self.entry.text("actor")

    @property
    def role(self) -> str:
        """The role that was used."""
        return self.entry.text("role")

    @property
    def command(self) -> str:
        """Name of the command."""
        return self.entry.text("command")

    @property
    def correlation_id(self) -> str:
        """What ties the entries of one call together."""
        return self.entry.text("correlation_id")


class Rows(Protocol[R]):
    """The rows of one model while facts are folded. A row that was read is replaced, never changed in place."""

    def get(self, key: str | int) -> R | None:
        """Return a row by its key."""

    def having(self, column: str, value: str) -> tuple[R, ...]:
        """Return the rows with this value in one of the model's ``lookups``, ordered by key."""

    def add(self, row: R) -> None:
        """Store a row whose key is new; a key that is taken stops the fold."""

    def put(self, row: R) -> None:
        """Store a row in place of the one with its key."""

    def delete(self, key: str | int) -> None:
        """Take a row away; none is nothing."""


def touched(rows: Rows[R], fact: Fact[Any]) -> R | None:
    """Return a copy of the row that is the fact's own, changed at its position (and time); None where there is none."""
    row = rows.get(fact.stream_id)
    if row is None:
        return None
    when = {"changed_us": microseconds(fact.event.timestamp)} if "changed_us" in row else {}
    return cast("R", {**row, "changed": fact.position, **when})


Fold = Callable[[Rows[R], Fact[Any]], None]
ColumnType = Literal["text", "integer", "boolean"]

EVERYBODY = "*"
"""Scope of a model that every signed-in principal may read."""

ITSELF = "="
"""``wakes`` of a model any change of which is announced, by its name."""


def on(event: type[E], fold: Callable[[Rows[R], Fact[E]], None]) -> tuple[str, Fold[R]]:
    """Return the handler entry of one kind of fact: its topic and the fold for it."""
    return event.TOPIC, fold


@dataclass(frozen=True, slots=True)
class Projection(Generic[R]):
    """One read model.

    - ``name``: also its table's; ``version`` counts its shape: another one than stored means a rebuild at start.
    - ``key``: the member that identifies a row, of ``key_type``.
    - ``columns``: single-valued members that filters and orders may name; ``many``: name -> members that are text or
      lists of text, whose elements filters may name together. ``indexes``: columns that are looked up together.
    - ``selective``: columns of which a value nearly names a row; a question with one is answered from its index.
    - ``rising``: indexed columns that never fall from one key to the next; a span of one is a span of keys.
    - ``lookups``: those of both that folds look rows up by (:meth:`Rows.having`). ``unique``: those of them, single-
      valued, of which one row at most has a value.
    - ``scope``: the column, or one of ``many``, that holds the owning team or teams, or :data:`EVERYBODY`. None hides
      the model from whoever reads for teams only.
    - ``wakes``: the column whose values are announced after a change, for those who wait for one, or :data:`ITSELF`.
    - ``folds``: topic -> fold; ``every`` gets each fact, unknown topics too.
    """

    name: str
    version: int
    key: str
    columns: Mapping[str, ColumnType]
    folds: Mapping[str, Fold[R]] = field(default_factory=dict)
    every: Fold[R] | None = None
    key_type: ColumnType = "text"
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    indexes: tuple[tuple[str, ...], ...] = ()
    selective: tuple[str, ...] = ()
    rising: tuple[str, ...] = ()
    lookups: tuple[str, ...] = ()
    unique: tuple[str, ...] = ()
    scope: str | None = None
    wakes: str | None = None

"""What runner, rebuild and readers need of a store of read models: one protocol, an adapter on SQLite and on MongoDB.

::

    ViewStore ── writer() ──▶ Writer: one a thread; leases, fresh generations
        │                        └── turn() ──▶ Turn: where the folding stands, and one atomic step on from there
        └── read(ask) ──▶ Reading: one consistent state of one model

Two processes may take a turn at the same time. Which of them folds is decided by the position alone: a step on from a
position at which the store no longer stands is not taken, and raises :class:`Overtaken`. Leases only spare double work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from domain.errors import InvalidInput, Unavailable
from projections.base import Projection
from projections.query import Filter

T = TypeVar("T")
Row = dict[str, Any]
Key = str | int
Tallied = list[tuple[tuple[Any, ...], int, int | None]]

NO_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Mark:
    """Where the folding stands: the last folded position and the hash of its entry (zeros at position 0)."""

    position: int
    entry_hash: bytes


NOTHING = Mark(0, NO_HASH)


class Overtaken(Exception):
    """The store moved on since this turn began, by another process: nothing of the turn was written."""


class Superseded(Exception):
    """Another process began to build the same model after us: what we built is not ours to swap in."""


@dataclass(slots=True)
class Changes:
    """What a batch does to one model's rows: ``changed`` holds (former, present) pairs."""

    added: list[Row] = field(default_factory=list)
    changed: list[tuple[Row, Row]] = field(default_factory=list)
    deleted: list[Row] = field(default_factory=list)


class Generation(Protocol):
    """The rows of one build of one model, as folds ask for them; ``number`` is never used twice.

    ``remote``: asking costs a round trip, so that a batch asks for many rows at once.
    """

    @property
    def model(self) -> Projection[Any]:
        """The model."""

    @property
    def number(self) -> int:
        """Which build of it."""

    @property
    def remote(self) -> bool:
        """Whether asking costs a round trip."""

    def load(self, keys: Sequence[Key]) -> Sequence[Row]:
        """Return the rows with these keys, as far as there are any."""

    def having(self, column: str, values: Sequence[str]) -> Sequence[Row]:
        """Return the rows with one of these values in one of the model's lookups."""


Written = Sequence[tuple[Generation, Changes]]


class Turn(Protocol):
    """One look at the whole store, from which at most one step is taken.

    ``current``: the built generation of each model, by name; a model of which no generation of this version is built
    is missing.
    """

    mark: Mark
    current: dict[str, Generation]

    def write(self, changes: Written, following: Mark) -> None:
        """Write all models' rows and the new mark, all or nothing. Raises Overtaken."""

    def swap(self, fresh: Sequence[Generation], following: Mark | None) -> None:
        """Make built generations the current ones, all at once. Raises Overtaken and Superseded.

        ``following``: the new mark where every model is among them, else None: they stand where the others do.
        """

    def reset(self) -> None:
        """Declare every model unbuilt and the position 0: the ledger is another one. Raises Overtaken."""


class Writer(Protocol):
    """One thread's means to change what is stored. What the store refuses for now is raised as Unavailable."""

    def mark(self) -> Mark:
        """Return where the folding stands now."""

    def turn(self) -> AbstractContextManager[Turn]:
        """Look at the store, to take one step on."""

    def lease(self, name: str, seconds: float) -> bool:
        """Take or renew a lease; False while another writer holds it. A hint, never what safety rests on."""

    def release(self, name: str) -> None:
        """Give a lease back, if it is ours."""

    def begin(self, models: Sequence[Projection[Any]]) -> Sequence[Generation]:
        """Make empty generations of models, with the indexes that folds need; what a former attempt left goes."""

    def fill(self, changes: Written) -> None:
        """Write rows of generations that nobody reads yet. Raises Superseded."""

    def index(self, fresh: Sequence[Generation]) -> None:
        """Make the indexes that only readers need."""

    def tidy(self) -> None:
        """Drop what nobody reads and nobody builds: other models' rows, replaced generations."""

    def close(self) -> None:
        """Let go of the store; leases are given back."""


class Reading(Protocol):
    """One consistent state of one model. Raises Unavailable."""

    @property
    def position(self) -> int:
        """Where the rows stand."""

    def get(self, key: Key) -> Row | None:
        """Return a row by its key."""

    def page(
        self, where: Filter, *, team_ids: tuple[str, ...] | None, cursor: str | None, limit: int
    ) -> tuple[list[Row], str | None]:
        """Return up to ``limit`` rows and the cursor of what follows them, if anything does."""

    def tally(self, by: tuple[str, ...], least: tuple[str, int] | None) -> Tallied:
        """Count all rows by the values of columns."""


class ViewStore(Protocol):
    """Where the rows of some models are kept."""

    @property
    def models(self) -> tuple[Projection[Any], ...]:
        """The models that this version of the code has."""

    def writer(self) -> Writer:
        """Return a writer for the calling thread."""

    def read(self, model: Projection[Any], ask: Callable[[Reading], T]) -> T:
        """Ask one consistent state of a model, perhaps more than once.

        Raises Unavailable where no generation of this version is built, and InvalidInput for what no store takes as a
        value (lone surrogates, integers over 64 bits).
        """

    def close(self) -> None:
        """Let go of the readers."""


def being_built(model: Projection[Any]) -> Unavailable:
    """Return what is told about a model that cannot be read yet."""
    return Unavailable(
        f"the read model {model.name} is being built",
        rule="views-building",
        fix="ask again later; the health of the views' runner tells how far it is",
    )


def no_value() -> InvalidInput:
    """Return what is told about a value that no store takes: it is the asker's mistake."""
    return InvalidInput("a value of the filter is no text or number", rule="filter", fix="correct it")

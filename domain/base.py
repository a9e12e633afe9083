"""Aggregates and events: the only module that knows the ``eventsourcing`` library's domain classes.

An event is a frozen pydantic model with an explicit, versioned ``TOPIC``. Its stored state is the model's JSON without
stream id and version, which stand beside it in the ledger. Time and id are always handed in: nothing here reads a
clock or draws a random number.

Deciding and applying are two methods: an aggregate's public method checks the rules and calls :meth:`Aggregate.record`;
the event's ``apply`` only assigns, so that history stays loadable when a rule gets stricter.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self, cast

from eventsourcing.domain import BaseAggregate, CanMutateAggregate
from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone: give it in UTC, e.g. 2026-11-23T12:00:00Z")
    try:
        return value if value.tzinfo is UTC else value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time lies in the years 1 to 9999 of UTC") from None


def rfc3339(value: datetime) -> str:
    """Return a time as RFC 3339 text in UTC, with microseconds only where there are any."""
    return _utc(value).isoformat().removesuffix("+00:00") + "Z"


Timestamp = Annotated[datetime, AfterValidator(_utc)]
"""A moment, in UTC; in JSON as pydantic writes it, which for UTC is as :func:`rfc3339` does (a test compares them)."""


class Value(BaseModel):
    """A frozen value inside events and commands; unknown members are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Event(BaseModel, CanMutateAggregate[str]):
    """One fact about one aggregate, in the past tense; a subclass sets ``TOPIC`` and assigns in ``apply``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    TOPIC: ClassVar[str]
    AGGREGATE: ClassVar[type[Aggregate]]

    originator_id: str = Field(default="", exclude=True)
    originator_version: int = Field(default=0, exclude=True)
    timestamp: Timestamp

    def apply(self, aggregate: Any) -> None:
        """Assign what the fact says to the aggregate; never check, never raise."""

    def state(self) -> bytes:
        """Return the bytes that the ledger stores and hashes; of an event that was read, those that were stored."""
        return self._stored

    @cached_property
    def _stored(self) -> bytes:
        return self.model_dump_json().encode()

    @classmethod
    def from_state(cls, state: bytes, stream_id: str, stream_version: int) -> Self:
        """Read an event back from its stored bytes; raises ``pydantic.ValidationError`` on a shape that is not ours."""
        event = cls.model_validate_json(state)
        event.__dict__.update(originator_id=stream_id, originator_version=stream_version, _stored=state)
        return event


class Created(Event):
    """The first fact of an aggregate's life."""

    def mutate(self, aggregate: Any) -> Any:  # noqa: ARG002 - the library's signature; there is none yet
        """Make the aggregate that this fact begins; ``aggregate`` is ``None``."""
        made = self.AGGREGATE.__new__(self.AGGREGATE)
        made.__base_init__(self.originator_id, self.originator_version, self.timestamp)
        made.__init__()  # type: ignore[misc] # the library's way: shell first, then the subclass's own start values
        self.apply(made)
        return made


def _nested_events(kind: type) -> dict[str, type[Event]]:
    members = vars(kind).items()
    return {
        name: member
        for name, member in members
        if isinstance(member, type) and issubclass(member, Event) and "TOPIC" in vars(member)
    }


class Aggregate(BaseAggregate[str]):
    """A consistency boundary: one stream of events, folded in memory.

    A subclass nests its event classes and names its start values in an ``__init__`` without parameters. It may be put
    together of *parts*, base classes with events, start values and rules of their own; it is the subclass at the end
    that its parts' events belong to.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # The library derives a second class of every nested event that is not under its own Event, and of every
        # inherited one that the subclass does not hold itself; one fact has one class here.
        cls.Event = Event  # type: ignore[attr-defined]
        for part in cls.__mro__[1:]:
            for name, event in _nested_events(part).items():
                if name not in vars(cls):
                    setattr(cls, name, event)
        super().__init_subclass__(**kwargs)
        for event in cls.events():
            event.AGGREGATE = cls

    @classmethod
    def begin(cls, event: type[Created], *, stream_id: str, at: datetime, **state: Any) -> Self:
        """Start an aggregate's life with its first event."""
        first = event(originator_id=stream_id, originator_version=1, timestamp=at, **state)
        made = cast("Self", first.mutate(None))
        made.pending_events.append(first)
        return made

    def record(self, event: type[Event], *, at: datetime, **state: Any) -> None:
        """Record the next fact: it is applied at once and stored when the command commits."""
        self.trigger_event(event, timestamp=at, **state)

    @classmethod
    def replay(cls, events: Iterable[Event]) -> Self | None:
        """Fold stored events in order; ``None`` where there are none."""
        aggregate: Any = None
        for event in events:
            aggregate = event.mutate(aggregate)
        return cast("Self | None", aggregate)

    @classmethod
    def events(cls) -> tuple[type[Event], ...]:
        """Return the event classes of this aggregate in the order they are written, then those of its parts."""
        return tuple(_nested_events(cls).values())

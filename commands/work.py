"""The unit of work of one attempt at a command: what was loaded, what changed, what must not have changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TypeVar

from commands.base import Services, Then
from commands.context import Context
from commands.ports.ledger import EventDraft
from commands.stored import event_of
from domain.base import Aggregate
from domain.errors import NotFound
from domain.ids import kind_of

A = TypeVar("A", bound=Aggregate)


class Work:
    """Loads and collects aggregates for one attempt.

    ``warm`` holds aggregates as the former step of the same call left them; ``shared`` is a cache of aggregates that
    are only read. Both are safe because the ledger refuses the entry when a stream has moved on meanwhile.
    """

    def __init__(
        self,
        services: Services,
        context: Context,
        *,
        warm: dict[str, Aggregate] | None = None,
        shared: dict[str, Aggregate] | None = None,
    ) -> None:
        self.services = services
        self.context = context
        self.now: datetime = services.clock()
        self.then: Then | None = None
        self.secret: str | None = None
        self.unchanged: dict[str, int] = {}
        self.changed: dict[str, Aggregate] = {}
        self._warm = warm or {}
        self._shared = shared if shared is not None else {}

    def load(self, kind: type[A], stream_id: str) -> A:
        """Return an aggregate that the handler may change; raises NotFound."""
        known = self.changed.get(stream_id) or self._warm.get(stream_id)
        aggregate = self._known_or_replayed(kind, stream_id, known)
        self.changed[stream_id] = aggregate
        return aggregate

    def find(self, kind: type[A], stream_id: str) -> A | None:
        """Return an aggregate that the handler may change, or None."""
        try:
            return self.load(kind, stream_id)
        except NotFound:
            return None

    def refer(self, kind: type[A], stream_id: str) -> A:
        """Return an aggregate that the decision rests on but does not change; raises NotFound."""
        known = self.changed.get(stream_id) or self._shared.get(stream_id)
        aggregate = self._known_or_replayed(kind, stream_id, known)
        self._shared[stream_id] = aggregate
        self.unchanged[stream_id] = aggregate.version
        return aggregate

    def add(self, aggregate: Aggregate) -> None:
        """Take in an aggregate that begins with this command."""
        self.changed[aggregate.id] = aggregate

    def new_id(self, kind: str) -> str:
        """Return a fresh random stream id."""
        return f"{kind}-{self.services.new_uuid()}"

    def drafts(self) -> Iterator[EventDraft]:
        """Collect what is to be stored, in the order the aggregates were taken in."""
        for aggregate in self.changed.values():
            for event in aggregate.collect_events():
                yield EventDraft(
                    event.originator_id,
                    event.originator_version,
                    event.TOPIC,  # type: ignore[attr-defined] # ours are domain.base.Event
                    event.state(),  # type: ignore[attr-defined]
                    model=event,
                )

    def _known_or_replayed(self, kind: type[A], stream_id: str, known: Aggregate | None) -> A:
        aggregate = known if isinstance(known, kind) else self._replay(kind, stream_id)
        if aggregate is None:
            raise NotFound(f"there is no {kind_of(stream_id)} {stream_id}", fix="check the id")
        return aggregate

    def _replay(self, kind: type[A], stream_id: str) -> A | None:
        if not kind_of(stream_id) or len(stream_id) > 128:  # noqa: PLR2004 - the ledger's limit of a stream id
            return None
        replayed = kind.replay(map(event_of, self.services.ledger.stream(stream_id)))
        return replayed if isinstance(replayed, kind) else None

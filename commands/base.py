"""What every use case is made of: a command, a scope, a handler, and the services a handler may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from commands.ports.gate import Gate, OpenGate
from commands.ports.issuers import Issuers
from commands.ports.ledger import Entry, EntryDraft, Ledger
from commands.ports.names import NameTables
from commands.ports.reading import Reading
from domain.ids import kind_of


class Command(BaseModel):
    """An intention, validated and frozen; unknown members are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a command is aimed at: ``team_id`` decides whether a right held for a team reaches it.

    ``host_id`` is set where an agent acts on its own host.
    """

    team_id: str | None = None
    object_id: str | None = None
    host_id: str | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """The ports that handlers reach through their unit of work, and what is fixed for the installation.

    ``clock`` returns the time in UTC, ``new_uuid`` a random UUID's text, ``random_bytes`` bytes from the system.
    ``reserved_names`` are the names of the backend itself, which no profile issues.
    ``gate`` says what waits for a person.
    """

    ledger: Ledger
    issuers: Issuers
    names: NameTables
    reading: Reading
    clock: Callable[[], datetime]
    new_uuid: Callable[[], str]
    random_bytes: Callable[[int], bytes]
    reserved_names: frozenset[str] = frozenset()
    gate: Gate = field(default_factory=OpenGate)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command came to: its ledger entries (none where nothing was left to record).

    ``secret`` is given once and is None on a replay. The rest of an answer is read by id at :attr:`position`.
    """

    entries: tuple[Entry, ...] = ()
    replayed: bool = False
    secret: str | None = field(default=None, repr=False)

    @property
    def position(self) -> int:
        """Position of the last event of the call; 0 where nothing was recorded."""
        return self.entries[-1].last_position if self.entries else 0

    def id_of(self, kind: str) -> str | None:
        """Return the first stream id of a kind among the events: ``id_of("order")``."""
        for entry in self.entries:
            for event in entry.events:
                if kind_of(event.stream_id) == kind:
                    return event.stream_id
        return None


Append = Callable[[EntryDraft], Awaitable[Entry]]
"""A way into the ledger: :meth:`commands.ports.ledger.Ledger.append`, or one that leads there."""

Then = Callable[[], Awaitable[Command]]
"""A second step that runs once after the first entry is durable, and says what is to be recorded of it."""


@dataclass(frozen=True, slots=True)
class UseCase:
    """One row of the table of handlers: which right it needs, what it is aimed at, and what it does.

    ``scope(command, work)`` and ``handle(command, work)`` see the same unit of work; a conflict in the ledger runs both
    again from a fresh load. ``refuses`` tells whether a refusal is a fact worth an event, ``second_step`` that it only
    ever records what became of another command's announcement. ``caught_up``: the decision rests on what read models
    list, so they are waited for until they have seen the whole ledger.
    """

    action: str
    scope: Callable[[Any, Any], Scope]
    handle: Callable[[Any, Any], None]
    refuses: bool = True
    second_step: bool = False
    caught_up: bool = False


HandlerTable = Mapping[type[Command], UseCase]


def no_scope(_command: Command, _work: object) -> Scope:
    """Return the scope of an act that is aimed at the installation as a whole."""
    return Scope()

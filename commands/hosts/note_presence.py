"""Note that an agent fell silent, or is heard again: the change is a fact, the signs of life are telemetry."""

from __future__ import annotations

from commands.base import UseCase
from commands.hosts.on_host import HostCommand, scope
from commands.work import Work
from domain.base import Timestamp
from domain.hosts.host import Host


class NotePresence(HostCommand):
    """Whether the host's agent is heard, and when it last was (None: not since this backend remembers)."""

    heard: bool
    last_seen: Timestamp | None = None


def handle(command: NotePresence, work: Work) -> None:
    """Record the change, if it is one."""
    work.load(Host, command.host_id).note_presence(heard=command.heard, last_seen=command.last_seen, at=work.now)


NOTE_PRESENCE = UseCase("hosts.note-presence", scope, handle)

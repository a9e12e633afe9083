"""Note that audit data was read: one entry per reader, session, view, filter and object in a quarter of an hour."""

from __future__ import annotations

import hashlib

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.audit.reading import AuditReading
from domain.errors import InvalidInput

_LONGEST_ID = 128


class NoteReading(Command):
    """What was looked at; ``filter`` is the query's text, of which only a hash is stored.

    ``team_id``: for which of their teams somebody reads who sees no more than these.
    """

    view: str
    filter: str = ""
    object_id: str | None = None
    team_id: str | None = None


def scope(command: NoteReading, _work: Work) -> Scope:
    """Name the object that was looked at."""
    return Scope(team_id=command.team_id, object_id=command.object_id)


def handle(command: NoteReading, work: Work) -> None:
    """Note it, once in each window."""
    if len(command.object_id or "") > _LONGEST_ID:
        raise InvalidInput("no object has so long an id", rule="object-id", fix="check the id")
    digest = hashlib.sha256(command.filter.encode()).hexdigest()
    principal = work.context.principal
    session = principal.authentication.session or ""
    stream_id = AuditReading.id_for(
        principal.pseudonym, session, command.view, digest, work.now, object_id=command.object_id
    )
    if work.find(AuditReading, stream_id) is not None:
        return
    work.add(
        AuditReading.note(
            stream_id=stream_id, view=command.view, filter_sha256=digest, object_id=command.object_id, at=work.now
        )
    )


NOTE_READING = UseCase("audit.note", scope, handle, refuses=False)

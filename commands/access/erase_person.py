"""Erase a person (GDPR Article 17): on record first, then the directory forgets who stands behind the pseudonym."""

from __future__ import annotations

from pydantic import Field

from commands.access.session_ends import note_ended
from commands.base import Command, Scope, UseCase
from commands.bus import Bus
from commands.context import Context
from commands.ports.identity import Directory
from commands.ports.signin import EndedSession, Sessions
from commands.work import Work
from domain.access.person import Person
from domain.errors import NotFound, WrongState


class ErasePerson(Command):
    """Let nobody know any more who stands behind a pseudonym."""

    pseudonym: str = Field(pattern=r"^p-[0-9a-f]{16}$")


def _scope(command: ErasePerson, _work: Work) -> Scope:
    return Scope(object_id=Person.id_for(command.pseudonym))


def handle(command: ErasePerson, work: Work) -> None:
    """Record it, once; not while four eyes still compare the pseudonym: the person's next one is a stranger to them."""
    if work.find(Person, Person.id_for(command.pseudonym)) is not None:
        return
    undecided = work.services.reading.undecided_of(command.pseudonym, work.now)
    if undecided:
        raise WrongState(
            f"{', '.join(undecided[:3])} of this person is not decided yet",
            rule="person-undecided",
            fix="have it decided, rejected or withdrawn first; then erase",
        )
    work.add(Person.erase(pseudonym=command.pseudonym, at=work.now))


async def erase_person(
    bus: Bus, directory: Directory, sessions: Sessions, command: ErasePerson, context: Context
) -> None:
    """Record the erasure, end the person's sessions, forget who it was; a repetition does what a crash broke off.

    Raises NotFound where nobody is known by the pseudonym (any more).
    """
    known = directory.known(command.pseudonym)
    if known is None:
        raise NotFound("nobody is known by this pseudonym", fix="sslclm audit search names who did what")
    await bus.execute(command, context)
    for session in sessions.end_by_subject(known.issuer, known.subject):
        ended = EndedSession(session.id, known.issuer, known.subject, "signed-out")
        await note_ended(bus, directory, ended, context.correlation_id)
    directory.erase(command.pseudonym)


ERASE_PERSON = UseCase("people.erase", _scope, handle, caught_up=True)

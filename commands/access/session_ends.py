"""How sessions end on the record, whoever ends them: a person, the provider, or nobody and time does."""

from __future__ import annotations

import contextlib

from commands.access.sessions import EndSession
from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.ports.identity import Directory
from commands.ports.signin import EndedSession, Sessions
from domain.errors import NotFound
from domain.ids import derived_id

PAGE = 100


def session_stream(session_id: str) -> str:
    """Return the ledger's id of a session: derived, so that whoever ends it needs no table."""
    return derived_id("session", session_id)


async def note_ended(bus: Bus, directory: Directory, ended: EndedSession, correlation: str) -> None:
    """Record the end of a session on behalf of its person; one whose beginning was never recorded has no end."""
    who = directory.pseudonym(ended.issuer, ended.subject)
    context = Context(SYSTEM, correlation, purpose="session", on_behalf_of=who)
    with contextlib.suppress(NotFound):
        await bus.execute(EndSession(session_id=session_stream(ended.id), reason=ended.reason), context)


async def end_timed_out(bus: Bus, directory: Directory, sessions: Sessions) -> None:
    """Record the end of every session that nobody used in time or that grew too old, then remove it.

    In this order a crash, or a ledger that takes nothing, loses no end: the next round finds the session again, and one
    that is recorded as ended is not recorded twice, by another process neither.
    """
    while page := sessions.timed_out(PAGE):
        for ended in page:
            await note_ended(bus, directory, ended, f"session-timeout:{ended.id}")
        sessions.forget(page)

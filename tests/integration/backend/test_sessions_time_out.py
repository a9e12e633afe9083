"""Sessions that nobody ends: time does, at once for their holder, and soon on the record."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from commands.access.session_ends import PAGE, end_timed_out, session_stream
from commands.access.sessions import OpenSession
from commands.context import SYSTEM, Context
from commands.ports.signin import SignedIn
from domain.access.session import Session
from domain.errors import Unavailable
from infra.identity.tables import SESSION
from infra.upkeep.table import upkeep
from tests.support.backends import Clock, reopen, set_up

IDLE_MINUTES, ABSOLUTE_HOURS = 30, 8
ANNA = SignedIn(
    "corporate",
    "https://idp.test",
    "anna",
    "Anna",
    "",
    (),
    "mfa",
    ("otp",),
    True,
    datetime(2026, 11, 23, tzinfo=UTC),
    None,
)


class Process:
    """A backend with its identity side, as one process has them."""

    def __init__(self, backend) -> None:
        self.backend, self.side = backend, backend.identity(())

    async def opened(self) -> str:
        """Open a session, on the record; returns its token."""
        token, session = self.side.sessions.create(ANNA)
        who = self.side.directory.pseudonym(ANNA.issuer, ANNA.subject)
        command = OpenSession(
            session_id=session_stream(session.id), principal=who, provider="corporate", kind="browser", mfa=True
        )
        await self.backend.bus.execute(command, Context(SYSTEM, "test", on_behalf_of=who))
        return token

    async def sweep(self) -> None:
        """Do what upkeep does with sessions."""
        no_tls: Any = None  # this reaction opens no listener
        await next(one for one in upkeep(self.backend, self.side, no_tls).reactions if one.name == "sessions").react()

    def ended(self) -> list[tuple[str, str]]:
        """Return reason and person of each end that the ledger has."""
        return [
            (json.loads(event.state)["reason"], json.loads(entry.metadata)["on_behalf_of"])
            for entry in every_entry(self.backend.ledger)
            for event in entry.events
            if event.topic == Session.Ended.TOPIC
        ]

    def stored(self) -> int:
        """Count the sessions in the file."""
        return self.side.records.count(SESSION)

    def close(self) -> None:
        """Let go of the files."""
        self.side.records.close()
        self.backend.close()


def every_entry(ledger):
    """Return all entries of a ledger."""
    found = []
    while page := ledger.entries(found[-1].last_position + 1 if found else 1):
        found += page
    return found


@pytest.fixture
def clock():
    """One clock for sessions and ledger."""
    return Clock()


@pytest.fixture
def process(tmp_path, clock):
    """A process over a backend that was just set up."""
    made = Process(set_up(tmp_path, clock))
    yield made
    made.close()


@pytest.fixture
def other(process, tmp_path, clock):
    """A second process over the same files."""
    made = Process(reopen(tmp_path, clock))
    yield made
    made.close()


async def test_an_idle_session_ends_on_the_record(process, clock):
    """Nobody uses it for half an hour: refused at once, one end "idle" on behalf of its person, and none again."""
    token = await process.opened()
    who = process.side.directory.pseudonym(ANNA.issuer, ANNA.subject)
    clock.go_on(minutes=IDLE_MINUTES, seconds=-1)
    await process.sweep()
    assert (1, []) == (process.stored(), process.ended())

    clock.go_on(seconds=1)
    assert process.side.sessions.get(token) is None
    assert [] == process.ended()
    await process.sweep()
    await process.sweep()

    assert ([("idle", who)], 0) == (process.ended(), process.stored())


async def test_a_session_that_is_used_grows_too_old(process, clock):
    """Eight hours after the sign-in it is over, whoever uses it, and the end says "expired"."""
    token = await process.opened()
    for _ in range(ABSOLUTE_HOURS * 3 - 1):
        clock.go_on(minutes=20)
        assert process.side.sessions.get(token) is not None
    clock.go_on(minutes=20)
    assert process.side.sessions.get(token) is None
    await process.sweep()

    assert ["expired"] == [reason for reason, _ in process.ended()]


async def test_the_limit_that_came_first_is_the_reason(process, clock):
    """The backend was down for a day: the session ended by idleness all the same."""
    await process.opened()
    clock.go_on(days=1)
    await process.sweep()

    assert ["idle"] == [reason for reason, _ in process.ended()]


async def test_two_processes_sweep(process, other, clock):
    """More than a page of sessions, two processes at the same moment: one end each."""
    for _ in range(PAGE + 20):
        await process.opened()
    clock.go_on(hours=1)
    await asyncio.gather(process.sweep(), other.sweep())

    assert ["idle"] * (PAGE + 20) == [reason for reason, _ in process.ended()]
    assert 0 == process.stored()


async def test_a_new_sign_in_hides_no_end(process, clock):
    """Opening a session leaves those that timed out to be recorded."""
    await process.opened()
    clock.go_on(hours=1)
    await process.opened()
    await process.sweep()

    assert (["idle"], 1) == ([reason for reason, _ in process.ended()], process.stored())


async def test_an_end_that_cannot_be_recorded_is_not_lost(process, clock, monkeypatch):
    """While the ledger takes nothing the session stays stored, and over; the next round records its end."""
    token = await process.opened()
    clock.go_on(hours=1)

    async def away(*_words):
        raise Unavailable("the ledger is away", fix="try again")

    with monkeypatch.context() as patch:
        patch.setattr(process.backend.bus, "execute", away)
        with pytest.raises(Unavailable):
            await process.sweep()
    assert (1, None) == (process.stored(), process.side.sessions.get(token))
    await process.sweep()

    assert (["idle"], 0) == ([reason for reason, _ in process.ended()], process.stored())


async def test_a_session_without_a_recorded_beginning_has_no_end(process, clock):
    """A crash between opening and recording leaves a session that nobody used: it is removed, without an event."""
    process.side.sessions.create(ANNA)
    clock.go_on(hours=1)
    await end_timed_out(process.backend.bus, process.side.directory, process.side.sessions)

    assert ([], 0) == (process.ended(), process.stored())

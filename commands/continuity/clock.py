"""The clock in doubt: noted once per incident by the backend itself, ended by a person, or by the clock."""

from __future__ import annotations

from commands.base import Command, UseCase, no_scope
from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.stored import event_of
from commands.work import Work
from domain.base import Timestamp
from domain.continuity.clock import Cause, Clock, Right, not_suspect
from domain.errors import InvalidInput


class NoteClock(Command):
    """What the watch saw: a doubt, or that it is over (``cause`` None)."""

    cause: Cause | None
    wall: Timestamp
    trusted: Timestamp


class ConfirmClock(Command):
    """A person's word which time is right: the machine's wall clock, or the trusted estimate."""

    right: Right


def handle_note(command: NoteClock, work: Work) -> None:
    """Record the beginning or the end of an incident; what is recorded already is not repeated."""
    clock = work.find(Clock, Clock.the_id())
    seen = {"wall": command.wall, "trusted": command.trusted, "at": work.now}
    if command.cause is None:
        if clock is not None:
            clock.returned(**seen)
        return
    if clock is None:
        clock = Clock.begin(Clock.Watched, stream_id=Clock.the_id(), at=work.now)
        work.add(clock)
    clock.suspected(cause=command.cause, **seen)


def handle_confirm(command: ConfirmClock, work: Work) -> None:
    """Record the word; the backend believes it from the next look on."""
    if not work.context.reason.strip():
        raise InvalidInput("confirming a time needs a reason", rule="reason-missing", fix="say how you know the time")
    clock = work.find(Clock, Clock.the_id())
    if clock is None:
        raise not_suspect()
    times = work.services.gate.times()
    told = times.wall if command.right == "wall" else times.trusted
    clock.confirm(right=command.right, wall=times.wall, trusted=times.trusted, at=told)


async def watch_clock(bus: Bus) -> None:
    """Record a doubt once, when it begins, and once that it is over; run again and again."""
    times = bus.services.gate.times()
    clock = Clock.replay(map(event_of, bus.services.ledger.stream(Clock.the_id())))
    if times.doubt == (clock.doubt if clock else None):
        return
    command = NoteClock(cause=times.doubt, wall=times.wall, trusted=times.trusted)
    await bus.execute(command, Context(SYSTEM, f"clock:{clock.version if clock else 0}", purpose="watch-clock"))


NOTE_CLOCK = UseCase("clock.note", no_scope, handle_note, refuses=False)
CONFIRM_CLOCK = UseCase("clock.confirm", no_scope, handle_confirm)

"""Raise and clear alarms: what comes nearer by the calendar alone."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.work import Work
from domain.base import Timestamp
from domain.notices.alarm import Alarm, AlarmKind


class RaiseAlarm(Command):
    """Somebody has to look at an object before ``due``; a higher ``level`` is more urgent."""

    kind: AlarmKind
    object_id: str
    due: Timestamp
    level: int


class ClearAlarm(Command):
    """The cause of an alarm is gone."""

    alarm_id: str


def scope_of_object(command: RaiseAlarm, _work: Work) -> Scope:
    """Name the object."""
    return Scope(object_id=command.object_id)


def scope_of_alarm(command: ClearAlarm, _work: Work) -> Scope:
    """Name the alarm."""
    return Scope(object_id=command.alarm_id)


def handle_raise(command: RaiseAlarm, work: Work) -> None:
    """Raise it, or its level; the same again records nothing."""
    told = {**dict(command), "at": work.now}
    alarm = work.find(Alarm, Alarm.id_for(command.kind, command.object_id, command.due))
    if alarm is None:
        work.add(Alarm.raise_for(**told))
    else:
        alarm.escalate(**told)


def handle_clear(command: ClearAlarm, work: Work) -> None:
    """Clear it."""
    work.load(Alarm, command.alarm_id).clear(at=work.now)


RAISE_ALARM = UseCase("notices.raise-alarm", scope_of_object, handle_raise)
CLEAR_ALARM = UseCase("notices.clear-alarm", scope_of_alarm, handle_clear)

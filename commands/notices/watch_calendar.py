"""Watch the calendar: ends of certificates, of authorities and of CRLs raise alarms, at first long before.

A level is raised once; a new round finds it raised and records nothing. When the cause is gone the alarm is cleared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from commands.base import Command
from commands.bus import Bus
from commands.context import SYSTEM, Context
from commands.notices.alarms import ClearAlarm, RaiseAlarm
from commands.notices.calendar import URGENT
from domain.notices.alarm import Alarm, AlarmKind

AT_ONCE = 500
"""Most alarms that one round raises, and clears: what is left is found by the next."""
_BREATHE_EVERY = 50
_DAY = timedelta(days=1)
_LEAF_LEVELS = ((0.2, 30 * _DAY), (0.1, 7 * _DAY), (0.03, _DAY), (0.0, timedelta(0)))
_ISSUER_LEVELS = (0.2, 0.1, 0.05, 0.015, 0.0)
_ROOT_CRL_LEVELS = (1 / 3, 1 / 6, 1 / 12, 0.0)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that is good from one moment to another."""

    object_id: str
    start: datetime
    end: datetime

    def left(self, now: datetime) -> timedelta:
        """Return how long it is good still; negative afterwards."""
        return self.end - now


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm as it stands."""

    alarm_id: str
    kind: AlarmKind
    object_id: str
    due: datetime
    level: int


class Dates(Protocol):
    """What has a date, from the read models."""

    def authorities(self) -> Sequence[Span]:
        """Return the certificates of all issuers."""

    def crls(self, *, sealed: bool) -> Sequence[Span]:
        """Return the served CRLs of issuers whose key is sealed apart, or is at hand."""

    def expiring(self, now: datetime) -> Iterator[Span]:
        """Yield certificates in force that nothing replaces or renews, from 30 days before their end to 7 after it."""

    def expires(self, certificate_id: str, now: datetime) -> bool:
        """Tell whether a certificate is still one of :meth:`expiring`."""

    def raised(self) -> Iterator[RaisedAlarm]:
        """Yield the alarms that are raised."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    kind: AlarmKind
    span: Span
    level: int

    @property
    def alarm_id(self) -> str:
        return Alarm.id_for(self.kind, self.span.object_id, self.span.end)


async def watch_calendar(bus: Bus, dates: Dates, clock: Callable[[], datetime]) -> int:
    """Raise what is near and clear what is gone; returns how many changes were recorded."""
    now = clock()
    standing = {one.alarm_id: one for one in dates.raised()}
    few = {one.alarm_id: one for one in _of_authorities(dates, now)}
    wanted = (*few.values(), *_of_leaves(dates, now))
    raises = (_raise(one) for one in wanted if one.level > _level(standing.get(one.alarm_id)))
    clears = (
        ClearAlarm(alarm_id=one.alarm_id) for one in standing.values() if not _stands(one, frozenset(few), dates, now)
    )
    return await _give(bus, raises) + await _give(bus, clears)


async def _give(bus: Bus, commands: Iterable[Command]) -> int:
    given = 0
    for command in commands:
        await bus.execute(command, Context(SYSTEM, "calendar", purpose="calendar"))
        given += 1
        if given >= AT_ONCE:
            break
        if given % _BREATHE_EVERY == 0:
            await asyncio.sleep(0)  # a storm of alarms must not hold up those who mend its cause
    return given


def _level(alarm: RaisedAlarm | None) -> int:
    return alarm.level if alarm else 0


def _raise(one: _Wanted) -> RaiseAlarm:
    return RaiseAlarm(kind=one.kind, object_id=one.span.object_id, due=one.span.end, level=one.level)


def _stands(alarm: RaisedAlarm, few: frozenset[str], dates: Dates, now: datetime) -> bool:
    if alarm.kind == "certificate-expiring":
        return dates.expires(alarm.object_id, now)
    return alarm.alarm_id in few


def _of_authorities(dates: Dates, now: datetime) -> Iterator[_Wanted]:
    for span in dates.authorities():
        if level := _part_level(span, now, _ISSUER_LEVELS):
            yield _Wanted("issuer-ending", span, level)
    for span in dates.crls(sealed=False):
        if span.left(now) <= timedelta(0):
            yield _Wanted("crl-stale", span, URGENT)
    for span in dates.crls(sealed=True):
        if level := _part_level(span, now, _ROOT_CRL_LEVELS):
            yield _Wanted("root-crl-due", span, level)


def _of_leaves(dates: Dates, now: datetime) -> Iterator[_Wanted]:
    for span in dates.expiring(now):
        if level := leaf_level(span, now):
            yield _Wanted("certificate-expiring", span, level)


def leaf_level(span: Span, now: datetime) -> int:
    """Return how near a leaf's end is: a part of its life or a number of days, whichever is less. 4: it is over."""
    life, left = span.end - span.start, span.left(now)
    return sum(left <= min(life * part, days) for part, days in _LEAF_LEVELS)


def _part_level(span: Span, now: datetime, parts: tuple[float, ...]) -> int:
    life, left = span.end - span.start, span.left(now)
    return sum(left <= life * part for part in parts)

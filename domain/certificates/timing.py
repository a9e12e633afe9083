"""When a certificate is due to be replaced, when somebody must be told, and how long to wait after a failure.

Pure functions of a certificate's own two moments, so that the same certificate has the same times on every machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

JITTER_PERCENT = 5
"""Most by which a renewal is due early, of the life: certificates of one minute do not all come back in one minute."""

LEVELS = ((2, timedelta(days=14)), (4, timedelta(days=7)), (8, timedelta(days=2)))
"""Escalation level 1, 2, 3: what may be left of the time between due and end, as a fraction and at most in days."""
EXPIRED = len(LEVELS) + 1
"""The last level: the certificate's end has come."""

_FIRST_WAIT = (timedelta(seconds=30), timedelta(hours=1))
_LONGEST_WAIT = (timedelta(minutes=2), timedelta(days=1))
_DOUBLINGS = 16
_PARTS = 1 << 32


@dataclass(frozen=True, slots=True)
class Life:
    """A certificate's validity, and from when on it is to be replaced."""

    due: datetime
    expires: datetime

    @property
    def left(self) -> timedelta:
        """The time between due and end: all retries and escalations lie in it."""
        return max(self.expires - self.due, timedelta(seconds=1))

    def escalates(self, level: int) -> datetime:
        """Return when ``level`` is reached (1 to :data:`EXPIRED`): after ``due``, and after the former level."""
        if level >= EXPIRED:
            return self.expires
        fraction, days = LEVELS[level - 1]
        return self.expires - min(self.left / fraction, days)

    def level_at(self, moment: datetime) -> int:
        """Return the highest level that is reached at ``moment``; 0 where there is none."""
        return sum(self.escalates(level) <= moment for level in range(1, EXPIRED + 1))

    def wait_after(self, attempt: int) -> timedelta:
        """Return how long to wait after failed attempt number ``attempt``, from 1: doubled each time, within bounds.

        Bounds follow the time between due and end: for a certificate of 90 days one hour to one day, for one of an
        hour half a minute to two and a half.
        """
        first = _between(self.left / 64, *_FIRST_WAIT)
        longest = _between(self.left / 8, *_LONGEST_WAIT)
        return min(first * (1 << min(max(attempt - 1, 0), _DOUBLINGS)), longest)


def life(*, begins: datetime, ends: datetime, percent: int, certificate_id: str) -> Life:
    """Return the times of a certificate that is to be renewed after ``percent`` of its life, less its own jitter.

    ``begins``: notBefore, or the moment of issuance where notBefore is dated back: else a certificate that is dated
    back by most of its validity would be due when it is issued, and its successor, too.
    """
    whole = max(ends - begins, timedelta(seconds=1))
    due = begins + whole * percent / 100 - whole * JITTER_PERCENT / 100 * jitter(certificate_id)
    return Life(due.replace(microsecond=0), ends)


def jitter(certificate_id: str) -> float:
    """Return this certificate's own number between 0 and 1, the same for ever."""
    return int.from_bytes(hashlib.sha256(f"jitter:{certificate_id}".encode()).digest()[:4]) / _PARTS


def _between(wanted: timedelta, least: timedelta, most: timedelta) -> timedelta:
    return max(least, min(wanted, most))

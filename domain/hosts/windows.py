"""Whether a target may be changed at a moment: pure reading of its windows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import get_args

from domain.hosts.targets import Weekday, Window

_WEEK: tuple[Weekday, ...] = get_args(Weekday)


def is_open(windows: Iterable[Window], at: datetime) -> bool:
    """Tell whether ``at`` lies in one of the windows; without any, every moment does."""
    listed = tuple(windows)
    return not listed or any(_holds(window, at) for window in listed)


def _holds(window: Window, at: datetime) -> bool:
    # A window reaches into the next day at most, so today's and yesterday's are all there is to ask.
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return any(
        _WEEK[day.weekday()] in window.days
        and timedelta(0) <= at - (day + timedelta(minutes=window.start)) < timedelta(minutes=window.minutes)
        for day in (midnight, midnight - timedelta(days=1))
    )

"""When a target may be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.hosts.targets import Window
from domain.hosts.windows import is_open

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NIGHT = Window(days=("sat", "sun"), start=22 * 60, minutes=240)


@pytest.mark.parametrize(
    ("days", "hours", "expected"),
    [(0, 23, False), (5, 21.9, False), (5, 22, True), (6, 1.9, True), (6, 2, False), (6, 22, True), (7, 1.9, True)],
)
def test_a_window_that_reaches_into_the_next_day(days, hours, expected):
    """It belongs to the day it starts on: Sunday's night ends on Monday."""
    assert is_open((NIGHT,), MONDAY + timedelta(days=days, hours=hours)) == expected


def test_without_windows_every_moment_is_good():
    """No window means that there is no rule."""
    assert is_open((), MONDAY)


@given(
    st.integers(min_value=0, max_value=1_439),
    st.integers(min_value=5, max_value=1_440),
    st.integers(min_value=0, max_value=7 * 1_440 - 1),
)
def test_a_daily_window_is_open_for_its_share_of_the_day(start, minutes, moment):
    """A window of every day holds a minute exactly where the minute of day lies in it, around midnight as well."""
    window = Window(days=("mon", "tue", "wed", "thu", "fri", "sat", "sun"), start=start, minutes=minutes)

    assert is_open((window,), MONDAY + timedelta(minutes=moment)) == ((moment - start) % 1_440 < minutes)

"""A machine whose wall clock can be set, and whose steady clock nobody sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from infra.clock import GuardedClock, Limits


class Machine:
    """``pass_time`` moves both clocks, ``set_clock`` the wall clock alone."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)) -> None:
        self.wall, self.steady = at, 1_000.0

    def pass_time(self, **span: float) -> None:
        """Let time go on."""
        self.wall += timedelta(**span)
        self.steady += timedelta(**span).total_seconds()

    def set_clock(self, **span: float) -> None:
        """Move the wall clock."""
        self.wall += timedelta(**span)

    def clock(self) -> GuardedClock:
        """Return the clock of a process that starts now."""
        return GuardedClock(lambda: self.wall, lambda: self.steady, Limits())

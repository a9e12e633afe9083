"""Figures for a monitor: how much, how far behind, how long ago."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """What a monitor scrapes. Labels hold no personal data, and as many values as rules, teams and routes, no more."""

    def called(self, room: str, method: str, status: int, seconds: float) -> None:
        """Count one call that was answered; ``room`` is a route's class, never a path with an id in it."""

    def exposition(self) -> tuple[bytes, str]:
        """Return the figures in Prometheus' text format, and its media type. May take a moment: not for event loops."""

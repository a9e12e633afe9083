"""Entries on their way to the runner: handed over by the ledger's writer, taken in batches, in order, without gaps."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from commands.ports.ledger import Entry
from infra.views.progress import Progress

_KEPT = 5_000
_LINGER_SECONDS = 0.2
"""Under load, how long a batch may wait for more, where nobody asked for a position that is not folded yet."""


class Intake:
    """What was handed over and not folded yet, and the bell that wakes the runner."""

    def __init__(self, progress: Progress, batch: int) -> None:
        self._progress, self._batch = progress, batch
        self._handed: deque[Entry] = deque()
        self._bell = threading.Condition()
        self.stopping = False
        self.seen = 0
        self._last = 1
        self._lingering = False

    def hand_over(self, entries: Sequence[Entry]) -> None:
        """Take entries that were just committed; never blocks for long."""
        with self._bell:
            if entries:
                self.seen = max(self.seen, entries[-1].last_position)
            if len(self._handed) > _KEPT:
                self._handed.clear()  # the runner is far behind: it reads the gap from the ledger
            self._handed.extend(entries)
            if not self._lingering or self._in_haste():
                self._bell.notify_all()

    def ring(self) -> None:
        """Wake the runner: somebody waits for a position."""
        with self._bell:
            self._bell.notify_all()

    def stop(self) -> None:
        """Wake the runner for the last time."""
        with self._bell:
            self.stopping = True
            self._bell.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait this long, or until the runner is stopped."""
        with self._bell:
            self._bell.wait_for(lambda: self.stopping, seconds)

    def forget(self, position: int) -> None:
        """Let go of what another process has folded."""
        with self._bell:
            while self._handed and self._handed[0].last_position <= position:
                self._handed.popleft()

    def behind(self, position: int) -> bool:
        """Tell whether there is more than that, or somebody waits for it."""
        return self._progress.awaited or self.seen > position

    def listen(self, position: int, slowly: float, quickly: float) -> None:
        """Wait a moment for another process to fold: a short one where somebody waits or more is known to have come."""
        with self._bell:
            if not self.stopping:
                self._bell.wait(quickly if self.behind(position) else slowly)

    def next(self, position: int, seconds: float) -> Sequence[Entry]:
        """Return entries that follow a position; wait a moment where there are none. Empty: look into the ledger."""
        with self._bell:
            if not self._handed and self.seen <= position and not self.stopping:
                self._bell.wait(seconds)
            self._linger()
            while self._handed and self._handed[0].last_position <= position:
                self._handed.popleft()
            if self._handed and self._handed[0].first_position == position + 1:
                return self._take()
        return ()

    def _linger(self) -> None:
        # Under load a transaction per hand-over costs more than its rows: wait once for more, unless somebody waits.
        if self._last > 1 and self._handed and not self._in_haste():
            self._lingering = True
            self._bell.wait_for(self._in_haste, _LINGER_SECONDS)
            self._lingering = False

    def _in_haste(self) -> bool:
        return self.stopping or self._progress.awaited or len(self._handed) >= self._batch

    def _take(self) -> list[Entry]:
        # Only what follows: between two hand-overs may lie what another process appended.
        taken = [self._handed.popleft()]
        while (
            self._handed and len(taken) < self._batch and self._handed[0].first_position == taken[-1].last_position + 1
        ):
            taken.append(self._handed.popleft())
        self._last = len(taken)
        return taken

"""Which tasks were handed out, to whom, until when. No history: a task that is handed out twice is the same task."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

_SWEEP_ABOVE = 10_000


class MemoryLeases:
    """Leases of one process; they are gone after a restart, which hands tasks out again (adapter of ``Leases``)."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, datetime]] = {}

    def lease(self, task_id: str, holder: str, seconds: float) -> bool:
        """Take or renew the lease of a task; False while somebody else holds it."""
        now = self._clock()
        with self._lock:
            held = self._held.get(task_id)
            if held is not None and held[0] != holder and held[1] > now:
                return False
            self._held[task_id] = (holder, now + timedelta(seconds=seconds))
            if len(self._held) > _SWEEP_ABOVE:
                self._held = {task: lease for task, lease in self._held.items() if lease[1] > now}
            return True

    def release(self, task_id: str, holder: str) -> None:
        """Give a lease back before its time; what somebody else holds stays theirs."""
        with self._lock:
            if self._held.get(task_id, ("",))[0] == holder:
                del self._held[task_id]

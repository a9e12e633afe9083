"""Passwords of packages on their way to agents: in memory, for minutes, taken once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from commands.ports.keystore import Secret

GOOD_FOR = timedelta(minutes=2)
_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class _Kept:
    holder: str
    password: Secret
    until: datetime


class MemoryHandovers:
    """Adapter of the port :class:`commands.ports.keys.Handovers` for one process.

    Never on disk, not even encrypted: after a crash the agent asks for the key again, which is one more authorised
    delivery on the record. ``dict.pop`` is atomic, so that of any number of attempts one gets the password.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, task_id: str, holder: str, password: Secret) -> None:
        """Keep the password of a task's newest package; the oldest of more than 10,000 are forgotten."""
        self._kept.pop(task_id, None)
        self._kept[task_id] = _Kept(holder, password, self._clock() + GOOD_FOR)
        while len(self._kept) > _AT_MOST or self._oldest_is_over():
            self._kept.popitem(last=False)

    def take(self, task_id: str, holder: str) -> Secret | None:
        """Return the password, once; a stranger's attempt leaves it for its holder."""
        kept = self._kept.get(task_id)
        if kept is None or kept.holder != holder or self._kept.pop(task_id, None) is not kept:
            return None
        return kept.password if self._clock() <= kept.until else None

    def _oldest_is_over(self) -> bool:
        oldest = next(iter(self._kept.values()), None)
        return oldest is not None and oldest.until < self._clock()

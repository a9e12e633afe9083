"""The grants in force, always at the head of the ledger: rights do not wait for a read model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence

from commands.context import Held, Role
from commands.ports.ledger import Entry, Ledger
from commands.stored import event_of
from domain.access.grant import Grant, SubjectKind

_TOPICS = frozenset((Grant.Granted.TOPIC, Grant.Withdrawn.TOPIC))


class GrantsAtHead:
    """Folds the grants' events in memory; every question first reads what the ledger has got since the last one.

    Adapter of :class:`commands.access.rights.Grants`. What is handed over need not be read. ``caught_up`` tells how far
    the ledger has come, having handed over what is new; it is asked with every question.
    """

    def __init__(self, ledger: Ledger, caught_up: Callable[[], int] | None = None) -> None:
        self._ledger = ledger
        self._head = caught_up or (lambda: ledger.head().position)
        self._position = 0
        self._lock = threading.Lock()
        self._in_force: dict[tuple[str, SubjectKind, str], dict[str, Held]] = {}
        self._by_grant: dict[str, tuple[str, SubjectKind, str]] = {}

    def held(self, provider: str, subject_kind: SubjectKind, subjects: Iterable[str]) -> tuple[Held, ...]:
        """Return what the exact, case-sensitive ``subjects`` hold by the grants in force now."""
        head = self._head()  # asked without the lock: what it finds is handed over here meanwhile
        with self._lock:
            self._read_to(head)
            found = [self._in_force.get((provider, subject_kind, subject), {}) for subject in subjects]
            return tuple(held for grants in found for held in grants.values())

    def hand_over(self, entries: Sequence[Entry]) -> None:
        """Take entries that were just committed; where they do not follow, or somebody asks now, they are read."""
        if self._lock.acquire(blocking=False):
            try:
                if entries and entries[0].first_position == self._position + 1:
                    self._take(entries)
            finally:
                self._lock.release()

    def _read_to(self, head: int) -> None:
        while self._position < head:
            self._take(self._ledger.entries(self._position + 1))

    def _take(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            for event in entry.events:
                if event.topic in _TOPICS:
                    self._fold(event_of(event))
            self._position = entry.last_position

    def _fold(self, event: object) -> None:
        if isinstance(event, Grant.Granted):
            key = (event.provider, event.subject_kind, event.subject)
            held = Held(Role(event.role), event.team_id, event.originator_id)
            self._in_force.setdefault(key, {})[event.originator_id] = held
            self._by_grant[event.originator_id] = key
        elif isinstance(event, Grant.Withdrawn):
            key = self._by_grant.pop(event.originator_id)
            self._in_force[key].pop(event.originator_id, None)

"""Who does what just now, until when: shared by every process of one backend, and never what safety rests on.

A task that is handed out twice is the same task, and what two processes do by themselves they do under the same keys.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

from domain.moments import microseconds
from infra.records.port import Records, Transaction, at_most
from infra.records.tables import Table, Tables

_SWEEP_EVERY = 1_000

LEASE = Table("lease", {"name": "text", "holder": "text", "until_us": "int"}, key=("name",))
LEASES = Tables(
    "leases",
    (LEASE,),
    what="store of leases",
    rule="lease-store",
    fix="try again; if it stays so, see to the disk of the data folder",
)


class RecordLeases:
    """Adapter of :class:`commands.ports.tasks.Leases`."""

    def __init__(self, records: Records, clock: Callable[[], datetime]) -> None:
        self._records, self._clock = records, clock
        self._taken = count(1)

    def lease(self, task_id: str, holder: str, seconds: float) -> bool:
        """Take or renew a lease; False while somebody else holds it. Raises Unavailable."""
        now = self._clock()
        row = {"name": task_id, "holder": holder, "until_us": microseconds(now + timedelta(seconds=seconds))}
        sweep = next(self._taken) % _SWEEP_EVERY == 0

        def take(work: Transaction) -> bool:
            held = work.get(LEASE, task_id)
            if held is not None and held["holder"] != holder and held["until_us"] > microseconds(now):
                return False
            work.put(LEASE, row)
            if sweep:
                work.delete(LEASE, {"until_us": at_most(microseconds(now))})
            return True

        return self._records.transact(take)

    def release(self, task_id: str, holder: str) -> None:
        """Give a lease back before its time; what somebody else holds stays theirs."""
        self._records.transact(lambda work: work.delete(LEASE, {"name": task_id, "holder": holder}))

    def end(self, task_id: str) -> None:
        """End a lease whoever holds it: to be called where its holder is known to be dead."""
        self._records.transact(lambda work: work.delete(LEASE, {"name": task_id}))

    def close(self) -> None:
        """Let go of the store."""
        self._records.close()

"""Passwords of packages on their way to agents: sealed, for minutes, taken once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta

from commands.ports.keystore import Secret
from infra.records.passing import HANDOVER
from infra.records.port import Records, Transaction, at_most
from infra.records.sealing import Sealer

GOOD_FOR = timedelta(minutes=2)


class StoredHandovers:
    """Adapter of the port :class:`commands.ports.keys.Handovers` that all processes share.

    The agent may take the password from another process than the one that packed the key. What lies in between is
    sealed under a key of the key store, bound to task and holder, in no back-up, and deleted when it is taken.
    """

    def __init__(self, records: Records, sealer: Sealer, clock: Callable[[], datetime]) -> None:
        self._records, self._sealer, self._clock = records, sealer, clock

    def keep(self, task_id: str, holder: str, password: Secret) -> None:
        """Keep the password of a task's newest package; a former one is forgotten, and so are those that are over."""
        now = self._clock()
        row = {"task_id": task_id, "holder": holder, "until": (now + GOOD_FOR).timestamp()}
        row["sealed"] = self._sealer.seal(password.reveal(), _label(task_id, holder))

        def work(tx: Transaction) -> None:
            tx.delete(HANDOVER, {"until": at_most(now.timestamp())})
            tx.put(HANDOVER, row)

        self._records.transact(work)

    def take(self, task_id: str, holder: str) -> Secret | None:
        """Return the password, once; a stranger's attempt leaves it for its holder."""
        taken = self._records.transact(lambda tx: tx.delete(HANDOVER, {"task_id": task_id, "holder": holder}))
        if not taken:
            return None
        self._records.scrub()
        plain = self._sealer.open(taken[0]["sealed"], _label(task_id, holder))
        return Secret(plain) if plain is not None and self._clock().timestamp() <= taken[0]["until"] else None


def _label(task_id: str, holder: str) -> bytes:
    return json.dumps(["handover", task_id, holder]).encode()

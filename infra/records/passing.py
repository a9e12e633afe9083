"""What passes: signs of life of agents, and passwords on their way to them. In no back-up."""

from __future__ import annotations

from datetime import datetime

from infra.records.port import Records, below
from infra.records.tables import Table, Tables

SIGN = Table(
    "sign",
    {"host_id": "text", "at_us": "int", "agent_version": "text", "state": "text", "detail": "text"},
    key=("host_id",),
)
HANDOVER = Table(
    "handover",
    {"task_id": "text", "holder": "text", "until": "real", "sealed": "blob"},
    key=("task_id",),
    indexes={"handover_until": ("until",)},
)
PASSING = Tables(
    "presence",
    (SIGN, HANDOVER),
    what="store of what passes",
    rule="presence-store",
    fix="try again; if it stays so, see to the disk of the data folder",
)


def forget_expired(records: Records, now: datetime) -> None:
    """Remove passwords whose time is over; to be called every minute, by any process."""
    over = {"until": below(now.timestamp())}
    if records.count(HANDOVER, over):
        records.transact(lambda tx: tx.delete(HANDOVER, over))
        records.scrub()

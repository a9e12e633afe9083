"""After a crash: an issuance that was announced and never ended is recorded as failed, its serial revoked."""

from __future__ import annotations

from functools import partial

from commands.bus import Bus
from commands.certificates.record_failed import RecordFailed
from commands.context import SYSTEM, Context
from commands.each import for_each
from commands.ports.reading import Reading, StartedIssuance


async def recover_issuances(bus: Bus, reading: Reading, *, head: int) -> int:
    """End every issuance announced at or before ``head``, the ledger's end when this process started.

    The key may have signed before the crash, so nothing is signed again: the outcome is unknown and the serial is
    revoked. Returns how many were ended. Doing it twice is harmless.
    """
    await reading.caught_up(head)
    left = [started for started in reading.started_issuances() if started.position <= head]
    await for_each(left, partial(_end, bus))
    return len(left)


async def _end(bus: Bus, started: StartedIssuance) -> None:
    context = Context(SYSTEM, f"recovery:{started.certificate_id}", purpose="crash-recovery")
    command = RecordFailed(certificate_id=started.certificate_id, reason="outcome-unknown")
    await bus.execute(command, context)

"""Planned revocations come: when the replacement serves everywhere, and at their deadline whatever happens."""

from __future__ import annotations

from functools import partial

from commands.base import Command, Scope, UseCase
from commands.bus import Bus
from commands.certificates.revoking import carry_out
from commands.context import SYSTEM, Context
from commands.each import for_each
from commands.ports.reading import DueRevocation, Reading
from commands.work import Work
from domain.certificates.certificate import Certificate


class CarryOutRevocation(Command):
    """Revoke one certificate as it is planned, if it is time; else nothing."""

    certificate_id: str


def scope(command: CarryOutRevocation, _work: Work) -> Scope:
    """Name the certificate."""
    return Scope(object_id=command.certificate_id)


def handle(command: CarryOutRevocation, work: Work) -> None:
    """Decide on the certificate and the order as they are now, not on the row that named them."""
    carry_out(work, work.load(Certificate, command.certificate_id))


async def carry_out_revocations(bus: Bus, reading: Reading) -> int:
    """Revoke what is due; doing it twice, or in two processes, revokes once. Returns how many were due.

    One that fails holds no other up.
    """
    due = reading.revocations_due(bus.services.clock())
    await for_each(due, partial(_carry_out, bus))
    return len(due)


async def _carry_out(bus: Bus, due: DueRevocation) -> None:
    key = f"revocation:{due.certificate_id}:{due.position}"
    context = Context(SYSTEM, key, purpose="planned-revocation", idempotency_key=key)
    await bus.execute(CarryOutRevocation(certificate_id=due.certificate_id), context)


CARRY_OUT_REVOCATION = UseCase("certificates.carry-out-revocation", scope, handle, caught_up=True)

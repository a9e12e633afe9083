"""Planned revocations come: when the replacement serves everywhere, and at their deadline whatever happens."""

from __future__ import annotations

from commands.base import Command, Scope, UseCase
from commands.bus import Bus
from commands.certificates.revoking import carry_out
from commands.context import SYSTEM, Context
from commands.ports.reading import Reading
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import ClmError


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

    One that fails holds no other up; the last of the problems is raised at the end.
    """
    due, problem = reading.revocations_due(bus.services.clock()), None
    for one in due:
        key = f"revocation:{one.certificate_id}:{one.position}"
        context = Context(SYSTEM, key, purpose="planned-revocation", idempotency_key=key)
        try:
            await bus.execute(CarryOutRevocation(certificate_id=one.certificate_id), context)
        except ClmError as met:
            problem = met
    if problem is not None:
        raise problem
    return len(due)


CARRY_OUT_REVOCATION = UseCase("certificates.carry-out-revocation", scope, handle)

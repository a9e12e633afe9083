"""Keep certificates renewed: what is due is ordered, what failed is tried again, what is near its end is told."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from commands.base import Command, Scope, UseCase
from commands.bus import Bus
from commands.certificates.renewing import watched
from commands.certificates.replacing import replace
from commands.context import SYSTEM, Context
from commands.each import for_each
from commands.hosts.rollout import advance, complete, resumed
from commands.ports.reading import DueRenewal, Reading
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.renewal import Renewal
from domain.errors import ClmError, Unavailable
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host

AT_MOST = 100
"""Renewals of one round; what is left is for the next one."""
_DESPITE_REVOCATION = frozenset({"revocation", "re-key"})
"""Causes of a replacement that is wanted all the more once the certificate is revoked."""
Pace = Callable[[float], Awaitable[None]]
"""Rests after a piece of work that took so many seconds of this thread, so that whoever is waiting comes first."""


class AdvanceRenewal(Command):
    """Do what is due for one certificate now: a next attempt, an escalation, or nothing."""

    certificate_id: str


def scope(command: AdvanceRenewal, _work: Work) -> Scope:
    """Name the certificate."""
    return Scope(object_id=command.certificate_id)


def handle(command: AdvanceRenewal, work: Work) -> None:
    """Look at the certificate and its renewal as they are now."""
    certificate = work.load(Certificate, command.certificate_id)
    renewal = watched(work, certificate)
    if renewal is None or _is_over(work, certificate, renewal):
        return
    if renewal.next is not None and renewal.next <= work.now:
        _attempt(work, certificate, renewal)
    if renewal.escalate(at=work.now) and renewal.under_way is not None:
        advance(work, work.load(Order, renewal.under_way))  # past targets that never answered


def _is_over(work: Work, certificate: Certificate, renewal: Renewal) -> bool:
    """End the renewal of a certificate that needs none any more; tell whether it is so."""
    if certificate.state == "superseded":
        complete(work, certificate.id, by=certificate.superseded_by)
        return True
    if certificate.state != "issued" and renewal.cause not in _DESPITE_REVOCATION:
        renewal.end(cause=certificate.state, at=work.now)
        return True
    successor = work.services.reading.successor_of(certificate.id) if renewal.state == "watched" else None
    if successor is not None:
        renewal.complete(by=successor, at=work.now)
    return successor is not None


def _attempt(work: Work, certificate: Certificate, renewal: Renewal) -> None:
    """Order the successor, or try once more what failed."""
    if renewal.under_way is not None:
        _give_up(work, certificate, renewal, work.load(Order, renewal.under_way))
        return
    try:
        if not _installs_again(work, renewal):
            replace(work, certificate, cause=renewal.cause)
    except Unavailable:
        raise
    except ClmError as refusal:
        renewal.fail(rule=refusal.rule, at=work.now)


def _give_up(work: Work, certificate: Certificate, renewal: Renewal, order: Order) -> None:
    """End an order that nobody decided, or for which no key came, so that the next attempt decides afresh."""
    if order.state == "waiting":
        order.cancel(at=work.now)
        renewal.fail(rule="nobody-decided", at=work.now)
        return
    order.give_up(host_id=certificate.host_id or "", rule="no-answer", at=work.now)
    renewal.fail(rule="no-answer", at=work.now)


def _installs_again(work: Work, renewal: Renewal) -> bool:
    """Try a failed deployment again, if that is what failed and its certificate is still good; tell whether it was."""
    deployment = work.find(Deployment, renewal.deployment_id) if renewal.deployment_id else None
    if deployment is None or deployment.state != "failed":
        return False
    if work.refer(Certificate, deployment.certificate_id).state != "issued":
        return False
    work.refer(Host, deployment.host_id).must_be_active()
    deployment.retry(at=work.now)
    resumed(work, work.load(Order, deployment.order_id), deployment)
    return True


async def keep_renewed(bus: Bus, reading: Reading, pace: Pace, *, at_most: int = AT_MOST) -> int:
    """Advance the renewals that are due, the nearest end first, at most so many; returns how many there were.

    Doing it twice, or in two processes, is harmless: the key of each command derives from what was seen. Raises
    Unavailable while the time is in doubt: nothing is due by a clock that nobody believes; and, once all the others are
    done, what went wrong with the first that could not be advanced.
    """
    bus.services.gate.issuing()
    await reading.caught_up(bus.services.ledger.head().position)
    due = reading.renewals_due(bus.services.clock(), at_most=at_most)
    await for_each(due, partial(_advance, bus, pace), ends_all=(Unavailable,))
    return len(due)


async def _advance(bus: Bus, pace: Pace, due: DueRenewal) -> None:
    began = time.thread_time()
    key = f"renewal:{due.certificate_id}:{due.seen}"
    context = Context(SYSTEM, key, purpose="renewal", idempotency_key=key)
    try:
        await bus.execute(AdvanceRenewal(certificate_id=due.certificate_id), context)
    finally:
        await pace(time.thread_time() - began)


ADVANCE_RENEWAL = UseCase("certificates.advance-renewal", scope, handle)

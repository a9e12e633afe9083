"""Where certificates are installed, and in which order: all at once for a first order, one by one for a replacement.

A replacement's first target is its canary: the next is planned when the former is proven, and a failure stops the
rest. A target that does not answer holds the others up until somebody had to be told (escalation level 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from commands.certificates.renewing import known_renewal, renewals_on, replaced_on
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.timing import LEVELS
from domain.certificates.wish import Target
from domain.hosts.deployment import Deployment

_AT_ONCE = frozenset({"re-key", "revocation"})
"""Causes for which no window is waited for: the former key is no good any more."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One target of an order: its certificate, once there is one, and its deployment, once it is planned."""

    number: int
    target: Target
    certificate_id: str | None
    deployment: Deployment | None


def install(work: Work, order: Order, certificate: Certificate) -> None:
    """Plan what an order's new certificate makes possible."""
    if order.replaces:
        advance(work, order)
        return
    for number, target in enumerate(order.targets):
        if target.host_id == certificate.host_id:
            _plan(work, order, _Step(number, target, certificate.id, None))


def advance(work: Work, order: Order) -> None:
    """Plan the next step of a replacement, if nothing stands in its way."""
    steps = [_step(work, order, number, target) for number, target in enumerate(order.targets)]
    if any(_stops(work, order, step) for step in steps):
        return
    following = next((step for step in steps if step.deployment is None and _is_wanted(work, step)), None)
    if following is not None:
        _plan(work, order, following)


def withdraw(work: Work, order: Order) -> None:
    """Withdraw what is under way for the certificates that an approved order replaces, and not served yet."""
    for certificate_id in order.replaces:
        certificate = work.load(Certificate, certificate_id)
        if certificate.order_id is None:
            continue
        former = work.load(Order, certificate.order_id)
        for deployment_id in deployments_on(former, certificate.host_id, certificate.id):
            _overtake(work, deployment_id, by=order.id)
        if set(former.accepted.values()) <= set(order.replaces) and set(former.hosts()) == set(former.accepted):
            former.give_up(host_id=certificate.host_id or "", rule="overtaken", at=work.now)


def settle(work: Work, order: Order, host_id: str) -> None:
    """Once every target on a host is proven, the certificates that were to be replaced there step back."""
    successor = order.accepted[host_id]
    if not set(deployments_on(order, host_id, successor)) <= order.served:
        return
    for certificate in replaced_on(work, order, host_id):
        if certificate.host_id is None and not set(order.hosts()) <= _served_hosts(order):
            continue  # an imported certificate may serve on several hosts
        if certificate.state == "issued":
            certificate.supersede(by=successor, at=work.now)
        complete(work, certificate.id, by=successor)


def complete(work: Work, certificate_id: str, *, by: str) -> None:
    """Tell a certificate's renewal that its place is taken."""
    renewal = known_renewal(work, certificate_id)
    if renewal is not None:
        renewal.complete(by=by, at=work.now)


def stopped(work: Work, order: Order, deployment: Deployment, rule: str) -> None:
    """Tell the renewals on a deployment's host that it failed: another attempt is made later."""
    for renewal in renewals_on(work, order, deployment.host_id):
        if renewal.order_id == order.id:
            renewal.fail(rule=rule, at=work.now, deployment_id=deployment.id)


def resumed(work: Work, order: Order, deployment: Deployment) -> None:
    """Tell the renewals on a deployment's host that it is tried again."""
    for renewal in renewals_on(work, order, deployment.host_id):
        if renewal.order_id == order.id:
            renewal.resume(at=work.now)


def deployments_on(order: Order, host_id: str | None, certificate_id: str) -> tuple[str, ...]:
    """Return the ids of an order's deployments of a certificate on a host, planned or still to be, in their order."""
    targets = enumerate(order.targets)
    return tuple(Deployment.id_for(certificate_id, number) for number, one in targets if one.host_id == host_id)


def _step(work: Work, order: Order, number: int, target: Target) -> _Step:
    certificate_id = order.accepted.get(target.host_id)
    if certificate_id is None:
        return _Step(number, target, None, None)
    return _Step(number, target, certificate_id, work.find(Deployment, Deployment.id_for(certificate_id, number)))


def _stops(work: Work, order: Order, step: _Step) -> bool:
    """Tell whether the rest waits for this step: it failed, or it is not proven and not given up waiting for."""
    state = step.deployment.state if step.deployment is not None else ""
    return state == "failed" or (state == "planned" and not _was_told(work, order, step.target.host_id))


def _was_told(work: Work, order: Order, host_id: str) -> bool:
    return any(renewal.level > 0 for renewal in renewals_on(work, order, host_id))


def _is_wanted(work: Work, step: _Step) -> bool:
    """Tell whether the step's certificate is there, and is not being replaced itself by now."""
    if step.certificate_id is None or work.load(Certificate, step.certificate_id).state != "issued":
        return False
    renewal = known_renewal(work, step.certificate_id)
    return renewal is None or renewal.under_way is None


def _plan(work: Work, order: Order, step: _Step) -> None:
    host_id, certificate_id = step.target.host_id, step.certificate_id or ""
    deployment = Deployment.plan(
        stream_id=Deployment.id_for(certificate_id, step.number),
        order_id=order.id,
        certificate_id=certificate_id,
        host_id=host_id,
        team_id=order.team_id,
        generation=order.generation(host_id),
        target=step.target.spec,
        windows_until=_windows_until(work, order, host_id),
        at=work.now,
    )
    work.add(deployment)
    for other in work.services.reading.planned_at((host_id, step.target.spec.directory)):
        if other != deployment.id:
            _overtake(work, other, by=deployment.id)


def _windows_until(work: Work, order: Order, host_id: str) -> datetime | None:
    """Return from when on the target's windows do not count: at the last level before the end of what it serves."""
    if order.cause in _AT_ONCE:
        return work.now
    ends = (renewal.life.escalates(len(LEVELS)) for renewal in renewals_on(work, order, host_id))
    return min(ends, default=None)


def _overtake(work: Work, deployment_id: str, *, by: str) -> None:
    deployment = work.find(Deployment, deployment_id)
    if deployment is not None:
        deployment.overtake(by=by, at=work.now)


def _served_hosts(order: Order) -> set[str]:
    return {
        target.host_id
        for number, target in enumerate(order.targets)
        if Deployment.id_for(order.accepted.get(target.host_id, ""), number) in order.served
    }

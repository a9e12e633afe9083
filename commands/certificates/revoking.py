"""What a revocation takes with it: a compromised key, installations under way, and, where asked, what is served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from commands.certificates.renewing import hasten, renewals_on
from commands.hosts.rollout import deployments_on
from commands.keys.binding import compromise_key
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.certificates.revocation import COMPROMISED_AT_MOST, Plan, RevocationReason
from domain.hosts.deployment import Deployment
from domain.hosts.host import Host


def revoke_now(
    work: Work,
    certificate: Certificate,
    *,
    reason: RevocationReason,
    invalidity_date: datetime | None = None,
    remove: bool = True,
) -> None:
    """Revoke a certificate; what is not installed yet is withdrawn, what is served is removed with ``remove``."""
    certificate.revoke(reason=reason, invalidity_date=invalidity_date, at=work.now)
    if reason == "keyCompromise":
        _compromised(work, certificate)
    _end_deployments(work, certificate, remove=remove)
    _want_another(work, certificate)


def plan_revocation(work: Work, certificate: Certificate, plan: Plan) -> None:
    """Plan a revocation; a compromised key is never certified again from this moment on, not only from then on."""
    certificate.plan_revocation(plan, at=work.now)
    if plan.reason == "keyCompromise":
        _compromised(work, certificate)


def _compromised(work: Work, certificate: Certificate) -> None:
    """Let the key never be certified again, and plan the end of whatever else was: it is as compromised."""
    compromise_key(work, certificate)
    for other_id in work.services.reading.certificates_of_key(certificate.spki_sha256):
        other = work.load(Certificate, other_id)
        known = other.planned
        lives = other.state in {"issued", "superseded"} and work.now <= other.not_after
        if not lives or other.purpose != "order" or other.id == certificate.id:
            continue
        if known is None or known.reason != "keyCompromise":
            latest = min(work.now + COMPROMISED_AT_MOST, known.at_latest if known else other.not_after)
            graver = {"reason": "keyCompromise", "at_latest": latest}
            plan = known.model_copy(update=graver) if known else Plan.model_validate(graver)
            other.plan_revocation(plan, at=work.now)
            if other.state == "issued":
                hasten(work, other.id, "revocation")


def carry_out(work: Work, certificate: Certificate) -> None:
    """Revoke as planned, if it is time: its place is taken, or the deadline has come."""
    plan = certificate.planned
    if plan is None:
        return
    if work.now < plan.at_latest and not _is_replaced(work, certificate, plan):
        return
    if work.now > certificate.not_after:
        certificate.call_off_revocation(at=work.now)
        return
    revoke_now(work, certificate, reason=plan.reason, invalidity_date=plan.invalidity_date, remove=plan.remove)


def _is_replaced(work: Work, certificate: Certificate, plan: Plan) -> bool:
    """Tell whether what the plan waits for serves in the certificate's place."""
    if plan.order_id is None:
        return False
    return certificate.state == "superseded" or work.refer(Order, plan.order_id).state == "fulfilled"


def _end_deployments(work: Work, certificate: Certificate, *, remove: bool) -> None:
    for deployment in _deployments(work, certificate):
        if deployment.state == "planned":
            deployment.withdraw(at=work.now, remove=remove)
            _give_up(work, certificate, deployment.order_id)
        elif remove and deployment.state == "served" and _serves_last(work, deployment):
            ask_for_removal(work, deployment, team_id=certificate.team_id)


def _serves_last(work: Work, deployment: Deployment) -> bool:
    """Tell whether no other certificate was proven in its place since; a view that lags behind its proof counts."""
    place, reading = (deployment.host_id, deployment.target.directory), work.services.reading
    return place in reading.places_of(deployment.certificate_id) or deployment.id in reading.planned_at(place)


def ask_for_removal(work: Work, deployment: Deployment, *, team_id: str | None) -> None:
    """Ask a team's host to serve it no more; one that is another team's by now, or disabled, is not asked."""
    deployment.plan_removal(at=work.now)
    host = work.refer(Host, deployment.host_id)
    if deployment.state != "removing" or (host.team_id == team_id and not host.disabled):
        return
    why = "the host is disabled: no agent of ours is there to do it"
    if host.team_id != team_id:
        why = "the host is another team's: they decide what is served there"
    deployment.refuse_removal(stage="refused", detail=why, rolled_back=False, served_now=None, at=work.now)


def _give_up(work: Work, certificate: Certificate, order_id: str) -> None:
    """End an order that was for this one host: what it waited for does not come any more."""
    order = work.load(Order, order_id)
    if order.hosts() == (certificate.host_id,):
        order.give_up(host_id=certificate.host_id or "", rule="certificate-revoked", at=work.now)


def _want_another(work: Work, certificate: Certificate) -> None:
    """Let whatever the certificate was to replace, and has not, be renewed by another one."""
    if certificate.order_id is None or certificate.host_id is None:
        return
    order = work.load(Order, certificate.order_id)
    for renewal in renewals_on(work, order, certificate.host_id):
        if renewal.under_way == order.id:
            renewal.fail(rule="successor-revoked", at=work.now)


def _deployments(work: Work, certificate: Certificate) -> Iterator[Deployment]:
    """Yield the deployments of a certificate that were planned so far."""
    if certificate.order_id is None:
        return
    order = work.refer(Order, certificate.order_id)
    for deployment_id in deployments_on(order, certificate.host_id, certificate.id):
        deployment = work.find(Deployment, deployment_id)
        if deployment is not None:
            yield deployment

"""The renewals of certificates follow what becomes of them: planned when issued, moved on as their orders move."""

from __future__ import annotations

from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.order import Cause, Order
from domain.certificates.renewal import Renewal
from domain.certificates.timing import Life, life
from domain.profiles.profile import Profile
from domain.profiles.spec import RENEW_AT_PERCENT


def plan_renewal(work: Work, certificate: Certificate) -> Renewal | None:
    """Plan the renewal of a certificate that was just issued or taken over, if its key can be made anew.

    None where whoever made the key renews it, and where there is nothing to renew by (no profile, no owner).
    """
    if not _renewable(certificate) or certificate.team_id is None:
        return None
    made = Renewal.plan(
        certificate_id=certificate.id, team_id=certificate.team_id, life=life_of(work, certificate), at=work.now
    )
    work.add(made)
    return made


def known_renewal(work: Work, certificate_id: str) -> Renewal | None:
    """Return a certificate's renewal as far as it has one."""
    return work.find(Renewal, Renewal.id_for(certificate_id))


def renewal_of(work: Work, certificate: Certificate) -> Renewal | None:
    """Return a certificate's renewal; one that was issued before renewals were kept gets its plan now."""
    return known_renewal(work, certificate.id) or plan_renewal(work, certificate)


def watched(work: Work, certificate: Certificate) -> Renewal | None:
    """Return what watches the end of a certificate whose key is not ours to make; None where it has no owner."""
    known = renewal_of(work, certificate)
    if known is not None or certificate.team_id is None:
        return known
    made = Renewal.watch(
        certificate_id=certificate.id, team_id=certificate.team_id, life=life_of(work, certificate), at=work.now
    )
    work.add(made)
    return made


def life_of(work: Work, certificate: Certificate) -> Life:
    """Return the times of a certificate, by its profile as it is today."""
    percent = RENEW_AT_PERCENT
    if certificate.profile_id is not None:
        percent = work.refer(Profile, certificate.profile_id).spec.renew_at_percent
    dated_back = certificate.purpose == "order" and certificate.created_on > certificate.not_before
    return life(
        begins=certificate.created_on if dated_back else certificate.not_before,
        ends=certificate.not_after,
        percent=percent,
        certificate_id=certificate.id,
    )


def hasten(work: Work, certificate_id: str, cause: Cause) -> bool:
    """Want a certificate's successor now; tell whether one will come by itself (not where the caller made the key)."""
    renewal = renewal_of(work, work.load(Certificate, certificate_id))
    if renewal is None:
        return False
    renewal.hasten(cause=cause, at=work.now)
    return True


def follow(work: Work, order: Order) -> None:
    """Tell the renewals of what an order replaces that the order was approved, or has ended without a certificate."""
    for certificate_id in order.replaces:
        renewal = known_renewal(work, certificate_id)
        if renewal is None or renewal.under_way != order.id:
            continue
        if order.state == "approved" and order.approved_until is not None:
            renewal.start(order_id=order.id, cause=renewal.cause, until=order.approved_until, at=work.now)
        elif order.state in {"rejected", "cancelled"}:
            renewal.fail(rule=f"order-{order.state}", at=work.now, retry=False)
        elif order.state == "abandoned" and renewal.next is not None:
            renewal.fail(rule="order-abandoned", at=work.now)


def end_renewal(work: Work, certificate_id: str, cause: str) -> None:
    """End the renewal of a certificate that shall have no successor, such as one that is revoked for good."""
    renewal = known_renewal(work, certificate_id)
    if renewal is not None:
        renewal.end(cause=cause, at=work.now)


def replaced_on(work: Work, order: Order, host_id: str) -> list[Certificate]:
    """Return the certificates whose place an order takes on a host."""
    found = (work.load(Certificate, one) for one in order.replaces)
    return [one for one in found if one.host_id in {host_id, None}]


def renewals_on(work: Work, order: Order, host_id: str) -> list[Renewal]:
    """Return the renewals of the certificates whose place an order takes on a host."""
    found = (known_renewal(work, one.id) for one in replaced_on(work, order, host_id))
    return [renewal for renewal in found if renewal is not None]


def _renewable(certificate: Certificate) -> bool:
    if certificate.purpose == "imported":
        return bool(certificate.targets) and certificate.profile_id is not None
    return certificate.purpose == "order" and certificate.host_id is not None

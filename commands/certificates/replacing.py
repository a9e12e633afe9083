"""Replace certificates: a new order for the same names and places with new keys, decided again by what holds today."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commands.certificates.judging import Asked, judge_request, key_made, subject_of
from commands.certificates.renewing import renewal_of
from commands.hosts.rollout import withdraw
from commands.work import Work
from domain.access.grant import Grant
from domain.access.team import Team
from domain.certificates.certificate import Certificate
from domain.certificates.decision import WAITS_AT_MOST
from domain.certificates.order import Cause, Order
from domain.certificates.renewal import Renewal
from domain.certificates.wish import Subject, Target
from domain.errors import NotFound, PolicyRefused, WrongState
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from domain.profiles.spec import ProfileSpec

OWNER_RULE = "owner-without-grant"
"""Nobody may request for the team that owns the certificate: whether it is still wanted is for a person to say."""
_WORTHWHILE = 10
"""A successor that its issuer's end cuts short must live longer than the present one by this part of its life."""
_TOGETHER = 4
"""Certificates of one order are renewed together when they are due within this part of the time that is left."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is wanted once more, and for whom."""

    certificates: tuple[Certificate, ...]
    targets: tuple[Target, ...]
    requester: str
    profile: Profile
    subject: Subject
    cause: Cause
    server_key: bool

    @property
    def team_id(self) -> str:
        return self.certificates[0].team_id or ""


def replace(work: Work, certificate: Certificate, *, cause: Cause, together: bool = False) -> Order:
    """Order the successor of a certificate; one that is on its way already is returned instead.

    The order is approved by policy, or waits for a person. A renewal takes those certificates of the same order along
    that are due soon, too (``together``: all of them), so that one host is the canary for all. Raises PolicyRefused
    where a rule of today forbids it, and WrongState where the key is not ours to have made anew; nothing is recorded
    then but an issuer's alarm.
    """
    work.services.gate.issuing()
    renewal = renewal_of(work, certificate)
    if renewal is None:
        raise WrongState(
            "its key was made elsewhere", rule="key-made-elsewhere", fix="make a new key, and request with its CSR"
        )
    if (on_its_way := order_under_way(work, renewal)) is not None:
        return on_its_way
    if certificate.state not in {"issued", "revoked"}:
        successor = certificate.superseded_by or "look for it with sslclm list"
        raise WrongState(
            f"the certificate is {certificate.state}", rule="certificate-state", fix=f"renew its successor: {successor}"
        )
    wish = _wish(work, certificate, cause, together=together)
    objections = _objections(work, wish)
    order = _order(work, wish, objections)
    if objections:
        _wait(work, wish, order, objections[0])
    else:
        order.approve_by_policy(at=work.now)
        _start(work, wish, order)
    return order


def order_under_way(work: Work, renewal: Renewal) -> Order | None:
    """Return the order that brings the successor, while it still can."""
    order = work.load(Order, renewal.under_way) if renewal.under_way is not None else None
    return order if order is not None and order.state in {"waiting", "approved"} else None


def _wish(work: Work, certificate: Certificate, cause: Cause, *, together: bool) -> _Wish:
    if certificate.profile_id is None:
        raise WrongState("it has no profile to renew by", rule="renewal-profile", fix="request a new certificate")
    profile = work.refer(Profile, certificate.profile_id)
    if profile.retired:
        raise PolicyRefused("the profile is retired", rule="profile-retired", fix="request by another profile")
    former = work.load(Order, certificate.order_id) if certificate.order_id is not None else None
    siblings = _siblings(work, former, certificate, soon=not together) if cause == "renewal" or together else ()
    group = tuple(_group(work, former, certificate, siblings))
    asker = work.context.principal.pseudonym
    return _Wish(
        group,
        _targets(work, former, group),
        former.requester if former is not None and cause != "asked" else asker,
        profile,
        _subject(work, profile.spec, former, group),
        cause,
        former is not None and former.server_key,
    )


def _group(
    work: Work, former: Order | None, certificate: Certificate, siblings: Iterable[Certificate]
) -> Iterator[Certificate]:
    """Yield what the new order replaces: the certificate, those it was to replace itself, and its siblings."""
    yield certificate
    if former is None:
        return
    hosts = {certificate.host_id}
    for sibling in siblings:
        hosts.add(sibling.host_id)
        yield sibling
    for former_id in former.replaces:
        older = work.load(Certificate, former_id)
        if older.state == "issued" and older.host_id in hosts and older.team_id == certificate.team_id:
            yield older


def _siblings(work: Work, former: Order | None, certificate: Certificate, *, soon: bool) -> Iterator[Certificate]:
    for one in former.accepted.values() if former is not None else ():
        sibling = work.load(Certificate, one)
        if one == certificate.id or sibling.state != "issued" or sibling.team_id != certificate.team_id:
            continue
        renewal = renewal_of(work, sibling)
        if renewal is None or renewal.state not in {"planned", "failed"}:
            continue
        late = not soon or (renewal.next is not None and renewal.next <= work.now + renewal.life.left / _TOGETHER)
        disabled = sibling.host_id is not None and work.refer(Host, sibling.host_id).disabled
        if late and not disabled:
            yield sibling


def _targets(work: Work, former: Order | None, group: Sequence[Certificate]) -> tuple[Target, ...]:
    """Return the places of the group, on hosts whose agents are still heard."""
    hosts = {one.host_id for one in group}
    wanted = group[0].targets if former is None else former.targets
    places = [target for target in wanted if former is None or target.host_id in hosts]
    for target in places:
        work.refer(Host, target.host_id).must_be_active()
    if not places:
        raise WrongState("it is installed nowhere by us", rule="renewal-targets", fix="request a new certificate")
    return tuple(places)


def _subject(work: Work, spec: ProfileSpec, former: Order | None, group: Sequence[Certificate]) -> Subject:
    """Return the same names; never for longer than before, nor than the profile allows by itself today."""
    certificate = group[0]
    if former is not None:
        known = former.subject
    else:
        whole = certificate.not_after - certificate.not_before + timedelta(seconds=1)
        told = {"dns_names": certificate.dns_names, "ip_addresses": certificate.ip_addresses}
        known = Subject(**told, common_name=None, key_algorithm=None, validity=int(whole.total_seconds()))
    algorithm = known.key_algorithm if known.key_algorithm in spec.key_algorithms else spec.key_algorithms[0]
    validity = min(known.validity, spec.max_validity)
    subject = subject_of(spec, known.dns_names, known.ip_addresses, key_algorithm=algorithm, validity=validity)
    _check_issuer(work, spec.issuer_id, validity, max(one.not_after for one in group))
    return subject


def _check_issuer(work: Work, issuer_id: str, validity: int, present_end: datetime) -> None:
    """Raise the alarm where the issuer ends first; refuse a successor that would hardly outlive what it replaces."""
    ends = work.services.reading.issuer_ends(issuer_id)
    whole = timedelta(seconds=validity)
    if ends is None or work.now + whole <= ends:
        return
    work.load(Issuer, issuer_id).needs_rollover(ends=ends, at=work.now)
    if ends - present_end < whole / _WORTHWHILE:
        raise PolicyRefused(
            "the issuer ends as soon as the certificate does",
            rule="issuer-ends",
            fix="make a new issuer, and name it in the profile",
        )


def _objections(work: Work, wish: _Wish) -> tuple[str, ...]:
    """Return the rules by which a person must decide; none where policy approves. Raises PolicyRefused."""
    teams = tuple(work.refer(Host, target.host_id).team_id for target in wish.targets)
    asked = Asked(wish.team_id, wish.requester, key_made(server=wish.server_key, brought=False), teams)
    judgement = judge_request(work, wish.profile, wish.subject, asked)
    return (*_owner_objections(work, wish.team_id), *(violation.rule for violation in judgement.violations))


def _owner_objections(work: Work, team_id: str) -> tuple[str, ...]:
    """Return the rule that an owner breaks for whom nobody may request any more."""
    try:
        work.refer(Team, team_id)
    except NotFound:
        raise PolicyRefused("the owner is gone", rule="owner-gone", fix="give it an owner first") from None
    for grant_id in work.services.reading.requesting_grants(team_id):
        if not work.refer(Grant, grant_id).withdrawn:
            return ()
    return (OWNER_RULE,)


def _order(work: Work, wish: _Wish, objections: tuple[str, ...]) -> Order:
    order = Order.begin(
        Order.Requested,
        stream_id=work.new_id("order"),
        at=work.now,
        team_id=wish.team_id,
        profile_id=wish.profile.id,
        profile_version=wish.profile.number,
        requester=wish.requester,
        subject=wish.subject,
        targets=wish.targets,
        csr=None,
        csr_sha256=None,
        waived_rules=objections,
        approvals_needed=wish.profile.spec.approvals,
        server_key=wish.server_key,
    )
    ids = tuple(one.id for one in wish.certificates)
    order.intend_replacement(certificate_ids=ids, cause=wish.cause, at=work.now)
    work.add(order)
    return order


def _wait(work: Work, wish: _Wish, order: Order, rule: str) -> None:
    until = work.now + WAITS_AT_MOST
    for certificate in wish.certificates:
        renewal = renewal_of(work, certificate)
        if renewal is not None:
            renewal.wait(order_id=order.id, cause=wish.cause, rule=rule, until=until, at=work.now)


def _start(work: Work, wish: _Wish, order: Order) -> None:
    until = order.approved_until or work.now
    for certificate in wish.certificates:
        renewal = renewal_of(work, certificate)
        if renewal is not None:
            renewal.start(order_id=order.id, cause=wish.cause, until=until, at=work.now)
    withdraw(work, order)

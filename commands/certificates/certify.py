"""Certify a checked key under an approved order: accept the key and announce the certificate, in one entry."""

from __future__ import annotations

from commands.certificates.issuing import Bound, announce, validity
from commands.certificates.judging import judge_request
from commands.ports.issuers import CertificateTemplate
from commands.work import Work
from domain.certificates.csr import SigningRequest, match
from domain.certificates.fingerprints import fingerprint
from domain.certificates.order import Order
from domain.errors import InvalidInput, PolicyRefused
from domain.hosts.host import Host
from domain.profiles.profile import Profile


def certify(work: Work, order: Order, profile: Profile, csr: SigningRequest, *, host_id: str) -> None:
    """Take from the CSR the public key and nothing else; everything else comes from the approved order."""
    subject = order.subject
    if csr.key_algorithm != subject.key_algorithm:
        raise InvalidInput(
            f"the key is {csr.key_algorithm}, the order says {subject.key_algorithm}",
            rule="key-algorithm-differs",
            fix="make the key that the order names",
        )
    match(csr, dns_names=subject.dns_names, ip_addresses=subject.ip_addresses, common_name=subject.common_name)
    prepared = work.services.issuers.prepare(_template(work, order, profile, csr))
    bound = Bound(
        "order",
        csr.spki_sha256,
        subject.dns_names,
        subject.ip_addresses,
        order_id=order.id,
        team_id=order.team_id,
        host_id=host_id or None,
        profile_id=profile.id,
        profile_version=profile.number,
    )
    certificate = announce(work, prepared, bound)
    order.accept_key(
        host_id=host_id,
        certificate_id=certificate.id,
        spki_sha256=csr.spki_sha256,
        csr_sha256=fingerprint(csr.der),
        at=work.now,
    )


def _template(work: Work, order: Order, profile: Profile, csr: SigningRequest) -> CertificateTemplate:
    subject = order.subject
    not_before, not_after = validity(work.now, profile.spec.backdate, subject.validity)
    return CertificateTemplate(
        issuer_id=profile.spec.issuer_id,
        spki_der=csr.spki_der,
        dns_names=subject.dns_names,
        ip_addresses=subject.ip_addresses,
        common_name=subject.common_name,
        not_before=not_before,
        not_after=not_after,
        extended_key_usages=profile.spec.extended_key_usages,
    )


def still_allowed(work: Work, order: Order) -> Profile:
    """Judge an approved order by the profile and rules of today; returns the profile.

    Raises PolicyRefused where a rule objects that nobody has waived.
    """
    profile = work.refer(Profile, order.profile_id)
    profile.must_be_in_force()
    teams = [work.refer(Host, host).team_id for host in order.hosts()]
    brought = order.csr is not None
    judgement = judge_request(work, profile.spec, order.team_id, order.subject, brought=brought, host_teams=teams)
    new = [violation for violation in judgement.violations if violation.rule not in order.waived_rules]
    if new:
        raise PolicyRefused(
            "; ".join(violation.message for violation in new),
            rule=new[0].rule,
            fix="the profile has changed since the approval: request again",
        )
    return profile

"""Certify a checked key under an approved order: accept the key and announce the certificate, in one entry."""

from __future__ import annotations

from typing import NamedTuple

from commands.certificates.issuing import Bound, announce, validity
from commands.certificates.judging import Asked, judge_request, key_made
from commands.keys.binding import Certifiable
from commands.ports.issuers import CertificateTemplate
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.csr import SigningRequest, match
from domain.certificates.fingerprints import fingerprint
from domain.certificates.order import Order
from domain.errors import InvalidInput, PolicyRefused
from domain.hosts.host import Host
from domain.profiles.profile import Profile
from domain.profiles.spec import KeyAlgorithm


class PublicKey(NamedTuple):
    """A key of which somebody proved to hold the private half, and how: by a CSR, or because it lies in our key store.

    ``spki_der``: its SubjectPublicKeyInfo; ``stored_as``: its id in the key store; ``csr_sha256``: "" without a CSR.
    """

    spki_der: bytes
    spki_sha256: str
    algorithm: KeyAlgorithm
    csr_sha256: str = ""
    stored_as: str | None = None

    def certifiable(self, team_id: str, host_id: str) -> Certifiable:
        """Return what is bound to its owner."""
        made = key_made(server=self.stored_as is not None, brought=not host_id)
        return Certifiable(self.spki_sha256, made, team_id, host_id or None, self.algorithm, self.stored_as)


def certify(work: Work, order: Order, profile: Profile, csr: SigningRequest, *, host_id: str) -> None:
    """Take from the CSR the public key and nothing else; everything else comes from the approved order."""
    subject = order.subject
    match(csr, dns_names=subject.dns_names, ip_addresses=subject.ip_addresses, common_name=subject.common_name)
    key = PublicKey(csr.spki_der, csr.spki_sha256, csr.key_algorithm, csr_sha256=fingerprint(csr.der))
    certify_key(work, order, profile, key, host_id=host_id)


def certify_key(work: Work, order: Order, profile: Profile, key: PublicKey, *, host_id: str) -> Certificate:
    """Announce a certificate for a key whose possession is proven; the order accepts the key."""
    subject = order.subject
    _check_key(work, order, key)
    prepared = work.services.issuers.prepare(_template(work, order, profile, key.spki_der))
    bound = Bound(
        "order",
        key.certifiable(order.team_id, host_id),
        subject.dns_names,
        subject.ip_addresses,
        order_id=order.id,
        profile_id=profile.id,
        profile_version=profile.number,
    )
    certificate = announce(work, prepared, bound)
    order.accept_key(
        host_id=host_id,
        certificate_id=certificate.id,
        spki_sha256=key.spki_sha256,
        csr_sha256=key.csr_sha256,
        at=work.now,
    )
    return certificate


def _check_key(work: Work, order: Order, key: PublicKey) -> None:
    """Refuse a key of another kind than ordered, and the former key in a successor: a replacement is for a new one."""
    if key.algorithm != order.subject.key_algorithm:
        raise InvalidInput(
            f"the key is {key.algorithm}, the order says {order.subject.key_algorithm}",
            rule="key-algorithm-differs",
            fix="make the key that the order names",
        )
    if any(work.load(Certificate, former).spki_sha256 == key.spki_sha256 for former in order.replaces):
        raise InvalidInput("it is the key that is to be replaced", rule="key-not-new", fix="make a new key")


def _template(work: Work, order: Order, profile: Profile, spki_der: bytes) -> CertificateTemplate:
    subject, spec = order.subject, profile.spec
    not_before, not_after = validity(work.now, spec.backdate, subject.validity)
    ends = work.services.reading.issuer_ends(spec.issuer_id) if order.replaces else None
    return CertificateTemplate(
        issuer_id=spec.issuer_id,
        spki_der=spki_der,
        dns_names=subject.dns_names,
        ip_addresses=subject.ip_addresses,
        common_name=subject.common_name,
        not_before=not_before,
        not_after=min(not_after, ends) if ends is not None else not_after,  # the issuer's alarm is raised by then
        extended_key_usages=spec.extended_key_usages,
        key_usages=spec.key_usages,
    )


def as_looked_at(work: Work, order: Order) -> Profile:
    """Return the profile of an order; raises PolicyRefused where it is not the one that people decide by any more.

    An approval binds the request, which names the profile's version: what that version leaves to the profile (key
    usages, issuer, how many must approve) is approved with it. Where policy decides, it judges by today's version.
    """
    profile = work.refer(Profile, order.profile_id)
    if profile.retired:
        raise PolicyRefused("the profile is retired", rule="profile-retired", fix="request by another profile")
    if order.waived_rules and profile.number != order.profile_version:
        raise PolicyRefused(
            f"the profile is at version {profile.number}, the order was made for version {order.profile_version}",
            rule="profile-revised",
            fix="request again",
        )
    return profile


def still_allowed(work: Work, order: Order) -> Profile:
    """Judge an approved order by the profile and rules of today; returns the profile.

    Raises PolicyRefused where a rule objects that nobody has waived.
    """
    profile = as_looked_at(work, order)
    teams = tuple(work.refer(Host, host).team_id for host in order.hosts())
    made = key_made(server=order.server_key, brought=order.csr is not None)
    asked = Asked(order.team_id, order.requester, made, teams)
    judgement = judge_request(work, profile, order.subject, asked)
    new = [violation for violation in judgement.violations if violation.rule not in order.waived_rules]
    if new:
        raise PolicyRefused(
            "; ".join(violation.message for violation in new),
            rule=new[0].rule,
            fix="the profile or the policy has changed since the request: request again",
        )
    return profile

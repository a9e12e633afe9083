"""Request a certificate: for targets on hosts, for a CSR of the caller, or for a key made in the key store."""

from __future__ import annotations

import base64
from typing import NamedTuple

from pydantic import Field

from commands.access.permissions import OutOfScope, visible
from commands.base import Command, Scope, UseCase
from commands.certificates.certify import certify
from commands.certificates.judging import Asked, judge_request, key_made, subject_of
from commands.work import Work
from domain.certificates.csr import SigningRequest, match, read_csr
from domain.certificates.fingerprints import fingerprint
from domain.certificates.order import Order
from domain.certificates.wish import Subject, Target
from domain.errors import InvalidInput
from domain.hosts.host import Host
from domain.profiles.policy import Judgement
from domain.profiles.profile import Profile
from domain.profiles.spec import KeyAlgorithm


class RequestCertificate(Command):
    """One order: names, a profile, and either targets or a CSR (PEM), or a key made by the server.

    Without names, those of the CSR are asked for. ``validity`` is in seconds and defaults to the profile's maximum.
    ``server_key``: the key store makes the keys, one for each host among the targets, or one for a person where there
    are none; the profile must allow it.
    """

    team_id: str
    profile_id: str
    dns_names: tuple[str, ...] = Field(default=(), max_length=100, examples=[["www.shop.test"]])
    ip_addresses: tuple[str, ...] = Field(default=(), max_length=100)
    validity: int | None = Field(default=None, ge=300, le=20 * 366 * 86_400)
    key_algorithm: KeyAlgorithm | None = None
    targets: tuple[Target, ...] = Field(default=(), max_length=100)
    csr: str | None = Field(default=None, max_length=65_536)
    server_key: bool = False


def scope(command: RequestCertificate, _work: Work) -> Scope:
    """Aim at the team that is to own the certificate."""
    return Scope(command.team_id, command.profile_id)


class Wished(NamedTuple):
    """A request as policy is asked about it: names in normal form, hosts looked up, the CSR read and compared."""

    profile: Profile
    csr: SigningRequest | None
    subject: Subject
    asked: Asked


def handle(command: RequestCertificate, work: Work) -> None:
    """Judge the request; approve by policy what conforms, and certify a brought key at once."""
    wished = read_wish(command, work)
    order, judgement = _order(command, work, wished)
    if judgement.conforms:
        order.approve_by_policy(at=work.now)
        if wished.csr is not None:
            certify(work, order, wished.profile, wished.csr, host_id="")


def read_wish(command: RequestCertificate, work: Work) -> Wished:
    """Return what is wished for. Raises InvalidInput, WrongState for a retired profile, and NotFound."""
    _check_key_source(command)
    profile = usable_profile(work, command.profile_id)
    profile.must_be_in_force()
    if command.targets and not profile.spec.signs():
        raise InvalidInput(
            "keys of this profile only decrypt: no handshake could prove them on a target",
            rule="targets-need-signing",
            fix="leave the targets out; the key is given to a person by a reveal",
        )
    csr = read_csr(command.csr.encode()) if command.csr is not None else None
    subject = _subject(command, profile, csr)
    teams = tuple(host_team(work, command.team_id, target) for target in command.targets)
    digest = csr.signature_hash if csr is not None else ""
    made = key_made(server=command.server_key, brought=csr is not None)
    asked = Asked(command.team_id, work.context.principal.pseudonym, made, teams, digest)
    return Wished(profile, csr, subject, asked)


def _check_key_source(command: RequestCertificate) -> None:
    """Refuse a request that does not say, or says twice, where its keys come from."""
    if command.csr is not None and (command.targets or command.server_key):
        raise InvalidInput(
            "a CSR brings its own key, so it stands alone",
            rule="targets-or-csr",
            fix="leave out the targets and server_key, or the CSR",
        )
    if command.csr is None and not command.targets and not command.server_key:
        raise InvalidInput(
            "give either targets or a CSR", rule="targets-or-csr", fix="name hosts, send a CSR, or ask for server_key"
        )


def usable_profile(work: Work, profile_id: str) -> Profile:
    """Return the profile; one that no team of the caller's may use answers as one that is not there."""
    profile = work.refer(Profile, profile_id)
    seen = visible("profiles.read", work.context.principal)
    if not seen.everything and seen.teams.isdisjoint(profile.spec.teams):
        raise OutOfScope(f"there is no profile {profile_id}", fix="check the id")
    return profile


def _order(command: RequestCertificate, work: Work, wished: Wished) -> tuple[Order, Judgement]:
    profile, csr = wished.profile, wished.csr
    judgement = judge_request(work, profile, wished.subject, wished.asked)
    order = Order.begin(
        Order.Requested,
        stream_id=work.new_id("order"),
        at=work.now,
        team_id=command.team_id,
        profile_id=profile.id,
        profile_version=profile.number,
        requester=wished.asked.requester,
        subject=wished.subject,
        targets=command.targets,
        csr=base64.b64encode(csr.der).decode() if csr is not None else None,
        csr_sha256=fingerprint(csr.der) if csr is not None else None,
        waived_rules=tuple(violation.rule for violation in judgement.violations),
        approvals_needed=profile.spec.approvals,
        server_key=command.server_key,
    )
    work.add(order)
    return order, judgement


def _subject(command: RequestCertificate, profile: Profile, csr: SigningRequest | None) -> Subject:
    names, addresses = _names(command, csr)
    algorithm = csr.key_algorithm if csr is not None else command.key_algorithm or profile.spec.key_algorithms[0]
    subject = subject_of(profile.spec, names, addresses, key_algorithm=algorithm, validity=command.validity)
    if csr is not None:
        match(csr, dns_names=subject.dns_names, ip_addresses=subject.ip_addresses, common_name=subject.common_name)
    return subject


def _names(command: RequestCertificate, csr: SigningRequest | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is asked for: the command's names, else the CSR's, else its common name as old clients send it."""
    if csr is None or command.dns_names or command.ip_addresses:
        return command.dns_names, command.ip_addresses
    if csr.dns_names or csr.ip_addresses or csr.common_name is None:
        return csr.dns_names, csr.ip_addresses
    return (csr.common_name,), ()


def host_team(work: Work, team_id: str, target: Target) -> str:
    """Return a target's team; another team's host answers as one that is not there."""
    host = work.refer(Host, target.host_id)
    if host.team_id != team_id:
        raise OutOfScope(f"there is no host {target.host_id}", fix="check the id")
    host.must_be_active()
    return host.team_id


REQUEST_CERTIFICATE = UseCase("orders.request", scope, handle)

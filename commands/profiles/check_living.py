"""Check a certificate that lives against the rules of today, and note what it breaks, or breaks no more."""

from __future__ import annotations

import base64

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.certificates.judging import with_tables
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.standing import read_standing
from domain.profiles.breach import PolicyBreach
from domain.profiles.living import living_facts
from domain.profiles.policy import Violation, judge_living
from domain.profiles.profile import Profile


class CheckLiving(Command):
    """``noted``: the rules that it is on record to break, which are cleared where they are not broken (any more)."""

    certificate_id: str
    noted: tuple[str, ...] = Field(default=(), max_length=100)


def scope(command: CheckLiving, _work: Work) -> Scope:
    """Name the certificate."""
    return Scope(object_id=command.certificate_id)


def handle(command: CheckLiving, work: Work) -> None:
    """Record each change once; a check that finds what is on record already records nothing.

    Both are loaded afresh: where nothing is recorded, the ledger cannot refuse what a stale reference decided.
    """
    certificate = work.load(Certificate, command.certificate_id)
    broken = violations(certificate, work) if certificate.state == "issued" else ()
    for one in broken:
        _found(certificate, one, work)
    for rule in set(command.noted) - {one.rule for one in broken}:
        breach = work.find(PolicyBreach, PolicyBreach.id_for(certificate.id, rule))
        if breach is not None:
            breach.clear(at=work.now)


def violations(certificate: Certificate, work: Work) -> tuple[Violation, ...]:
    """Return what a living certificate breaks today; nothing where its bytes are not known or it has expired."""
    standing = read_standing(base64.b64decode(certificate.certificate))
    if standing is None or certificate.team_id is None or certificate.not_after <= work.now:
        return ()
    profile = work.load(Profile, certificate.profile_id) if certificate.profile_id else None
    spec = profile.spec if profile is not None else None
    facts = living_facts(standing, spec, certificate.team_id, on=work.now.date())
    issued = standing.first_day if certificate.purpose == "imported" else certificate.created_on.date()
    return judge_living(with_tables(facts, work.services.names, work.services.reserved_names), issued=issued).violations


def _found(certificate: Certificate, violation: Violation, work: Work) -> None:
    breach = work.find(PolicyBreach, PolicyBreach.id_for(certificate.id, violation.rule))
    if breach is not None:
        breach.again(message=violation.message, at=work.now)
        return
    found = PolicyBreach.find(
        certificate_id=certificate.id,
        team_id=certificate.team_id,
        rule=violation.rule,
        message=violation.message,
        citation=violation.citation,
        not_after=certificate.not_after,
        at=work.now,
    )
    work.add(found)


CHECK_LIVING = UseCase("policy.check-living", scope, handle, refuses=False)

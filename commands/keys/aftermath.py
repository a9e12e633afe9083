"""What follows when a person has seen a key: a re-key at once, and the end of the old certificate."""

from __future__ import annotations

from datetime import timedelta

from commands.certificates.renewing import hasten
from commands.certificates.revoking import plan_revocation
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.certificates.revocation import GRACE_AT_MOST, Plan


def after_a_reveal(work: Work, certificate: Certificate, *, grace: timedelta) -> None:
    """Want the successor now, and plan the revocation: ``grace`` from now at the latest, never later than seven days.

    NIST SP 800-57 part 1 rev. 5 section 8.2.2.2: a private signature key that was recovered is revoked as soon as
    possible. A plan that comes sooner stands; a foreign authority's certificate is replaced only, it alone revokes it;
    of an expired one, such as an archived key's, nothing is left to revoke.
    """
    hasten(work, certificate.id, "re-key")
    if certificate.purpose != "order" or work.now > certificate.not_after:
        return
    at_latest = min(work.now + min(grace, GRACE_AT_MOST), certificate.not_after)
    former = certificate.planned
    if former is None:
        plan_revocation(work, certificate, Plan(reason="superseded", at_latest=at_latest))
    elif at_latest < former.at_latest:
        plan_revocation(work, certificate, former.model_copy(update={"at_latest": at_latest}))

"""What follows when a person has seen a key: a re-key at once, and the end of the old certificate."""

from __future__ import annotations

from datetime import timedelta

from commands.certificates.revoking import plan_revocation
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.keys.reveal import LONGEST_GRACE


def after_a_reveal(work: Work, certificate: Certificate, *, grace: timedelta) -> None:
    """Plan the revocation: ``grace`` from now at the latest, never later than seven days; not of what is imported."""
    at_latest = min(work.now + min(grace, LONGEST_GRACE), certificate.not_after)
    sooner = certificate.planned is None or at_latest < certificate.planned.at_latest
    if sooner and certificate.purpose == "order" and certificate.state in {"issued", "superseded"}:
        plan_revocation(work, certificate, reason="superseded", at_latest=at_latest)

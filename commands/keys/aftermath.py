"""What follows when a person has seen a key: a re-key at once, and the end of the old certificate."""

from __future__ import annotations

from datetime import timedelta

from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.keys.reveal import LONGEST_GRACE


def after_a_reveal(work: Work, certificate: Certificate, *, grace: timedelta) -> None:
    """Plan the revocation: ``grace`` from now at the latest, never later than seven days."""
    at_latest = min(work.now + min(grace, LONGEST_GRACE), certificate.not_after)
    if certificate.revocation_due is None or at_latest < certificate.revocation_due:
        certificate.record(
            Certificate.RevocationPlanned, at=work.now, reason="superseded", at_latest=at_latest, order_id=None
        )

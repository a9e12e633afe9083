"""Revoke a certificate: at once, or as soon as another one has taken its place, by a deadline that holds regardless."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.certificates.renewing import end_renewal
from commands.certificates.replacing import replace
from commands.certificates.revoking import plan_revocation, revoke_now
from commands.work import Work
from domain.base import Timestamp
from domain.certificates.certificate import Certificate
from domain.certificates.revocation import Plan, RevocationReason, deadline, read_reason
from domain.errors import InvalidInput, WrongState


class RevokeCertificate(Command):
    """Revoke one certificate, with a reason of RFC 5280 section 5.3.1.

    - ``replace``: ``first`` = revoked once its replacement serves everywhere, and at the latest ``within`` seconds (by
      default what the reason leaves: 24 hours for keyCompromise, else 5 days); ``no`` = revoked now.
    - ``invalidity_date``: since when the key is known or suspected to be compromised (section 5.3.2).
    - ``remove``: also take it out of service; None = where nothing replaces it.
    """

    certificate_id: str
    revocation_reason: str = Field(default="unspecified", max_length=64)
    replace: Literal["first", "no"] = "no"
    within: int | None = Field(default=None, ge=0, le=30 * 86_400)
    invalidity_date: Timestamp | None = None
    remove: bool | None = None


def scope(command: RevokeCertificate, work: Work) -> Scope:
    """Aim at the team that owns the certificate."""
    return Scope(work.load(Certificate, command.certificate_id).team_id, command.certificate_id)


def handle(command: RevokeCertificate, work: Work) -> None:
    """Revoke it now, or order its replacement and plan the revocation."""
    reason = read_reason(command.revocation_reason)
    certificate = work.load(Certificate, command.certificate_id)
    if command.replace == "no":
        if command.within is not None:
            raise InvalidInput(
                "without a replacement it is revoked now", rule="revocation-deadline", fix="leave out within"
            )
        _must_not_be_milder(certificate, reason)
        remove = True if command.remove is None else command.remove
        revoke_now(work, certificate, reason=reason, invalidity_date=command.invalidity_date, remove=remove)
        end_renewal(work, certificate.id, "revoked")
        return
    certificate.must_be_revocable(reason, at=work.now, invalidity_date=command.invalidity_date)
    within = None if command.within is None else timedelta(seconds=command.within)
    at_latest = deadline(reason, within, at=work.now)
    order = replace(work, certificate, cause="revocation")
    plan = Plan(
        reason=reason,
        at_latest=at_latest,
        order_id=order.id,
        invalidity_date=command.invalidity_date,
        remove=bool(command.remove),
    )
    plan_revocation(work, certificate, plan)


def _must_not_be_milder(certificate: Certificate, reason: RevocationReason) -> None:
    """Refuse to let a CRL say less than what is known: a planned keyCompromise comes as one, now or later."""
    if certificate.planned is not None and certificate.planned.reason == "keyCompromise" != reason:
        raise WrongState(
            "its revocation for keyCompromise is planned",
            rule="revocation-planned",
            fix="revoke it now for keyCompromise",
        )


REVOKE_CERTIFICATE = UseCase("certificates.revoke", scope, handle, caught_up=True)

"""Move a certificate to another team: offered by its owner, taken or refused by somebody of the receiving side.

What is on the former owner's hosts stays there: a renewal on a host of another team waits for a person.
"""

from __future__ import annotations

from pydantic import Field

from commands.access.permissions import visible
from commands.base import Command, Scope, UseCase
from commands.certificates.renewing import known_renewal
from commands.work import Work
from domain.access.team import Team
from domain.certificates.certificate import Certificate
from domain.errors import Denied, WrongState
from domain.keys.key import Key


class TransferCommand(Command):
    """A command on the ownership of one certificate."""

    certificate_id: str


class OfferOwnership(TransferCommand):
    """Offer a certificate to a team; it stays with its owner until that team agrees."""

    team_id: str = Field(max_length=128)


class WithdrawOffer(TransferCommand):
    """Take an open offer back."""


class AcceptOwnership(TransferCommand):
    """Agree for the receiving team: from here on the certificate and its key are that team's."""


class RefuseOwnership(TransferCommand):
    """Say for the receiving team that it does not want the certificate."""


def owners(command: TransferCommand, work: Work) -> Scope:
    """Aim at the team that owns the certificate."""
    return Scope(work.load(Certificate, command.certificate_id).team_id, command.certificate_id)


def receivers(command: TransferCommand, work: Work) -> Scope:
    """Aim at the team that it is offered to; without an offer it is nobody's to take."""
    offer = work.load(Certificate, command.certificate_id).offer
    return Scope(offer.team_id if offer and offer.is_open(work.now) else None, command.certificate_id)


def handle_offer(command: OfferOwnership, work: Work) -> None:
    """Record the offer.

    Whoever acts for one team does not learn here which other teams there are: an offer to none is an offer that
    nobody takes, and ends by itself.
    """
    if visible("teams.read", work.context.principal).everything:
        work.refer(Team, command.team_id)
    certificate = work.load(Certificate, command.certificate_id)
    certificate.offer_ownership(team_id=command.team_id, offered_by=work.context.principal.pseudonym, at=work.now)


def handle_withdraw(command: WithdrawOffer, work: Work) -> None:
    """End the offer from the owner's side."""
    work.load(Certificate, command.certificate_id).end_offer(cause="withdrawn", at=work.now)


def handle_refuse(command: RefuseOwnership, work: Work) -> None:
    """End the offer from the other side."""
    work.load(Certificate, command.certificate_id).end_offer(cause="refused", at=work.now)


def handle_accept(command: AcceptOwnership, work: Work) -> None:
    """Move certificate and key in one entry; consent is given by a person, and while nothing is being installed."""
    principal = work.context.principal
    if principal.kind != "person":
        raise Denied("consent is given by a person", rule="consent-by-person", fix="let somebody of the team accept")
    if work.services.reading.installing(command.certificate_id):
        raise WrongState(
            "it is being installed on the owner's hosts",
            rule="transfer-installing",
            fix="wait until it is served or has failed, or disable the host that does not answer",
        )
    renewal = known_renewal(work, command.certificate_id)
    if renewal is not None and renewal.under_way is not None:
        raise WrongState(
            "its successor is on its way for the owner",
            rule="transfer-renewing",
            fix=f"take the successor over when it is there, or let the owner cancel {renewal.under_way}",
        )
    certificate = work.load(Certificate, command.certificate_id)
    certificate.accept_ownership(accepter=principal.pseudonym, at=work.now)
    _move_key(work, certificate)


def _move_key(work: Work, certificate: Certificate) -> None:
    """Hand the key over with its certificate; a key has one owner, so one that others of the former owner use stays."""
    for other_id in work.services.reading.certificates_of_key(certificate.spki_sha256):
        other = certificate if other_id == certificate.id else work.refer(Certificate, other_id)
        if other.state == "issued" and other.team_id != certificate.team_id and work.now <= other.not_after:
            raise WrongState(
                f"its key is certified a second time: {other_id}",
                rule="transfer-key-shared",
                fix="replace one of the two first, so that each has a key of its own",
            )
    key = work.find(Key, Key.id_for(certificate.spki_sha256))
    if key is not None and certificate.team_id is not None:
        key.move(team_id=certificate.team_id, at=work.now)


OFFER_OWNERSHIP = UseCase("certificates.offer", owners, handle_offer)
WITHDRAW_OFFER = UseCase("certificates.withdraw-offer", owners, handle_withdraw)
ACCEPT_OWNERSHIP = UseCase("certificates.accept", receivers, handle_accept, caught_up=True)
REFUSE_OWNERSHIP = UseCase("certificates.refuse", receivers, handle_refuse)

"""Moving a certificate to another team: an offer by its owner, and the consent of whoever is to have it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal

from domain.base import Event, Timestamp, Value
from domain.certificates.certificate_state import CertificateState
from domain.errors import Denied, InvalidInput, WrongState

OPEN: Final = timedelta(days=7)
"""How long an offer may be accepted."""


class Offer(Value):
    """An open offer: to whom, by whom (a pseudonym, which the four-eyes rule compares), until when."""

    team_id: str
    offered_by: str
    valid_until: Timestamp

    def is_open(self, at: datetime) -> bool:
        """Tell whether it may still be accepted."""
        return at <= self.valid_until


class Transferable(CertificateState):
    """The part of a certificate's life in which it changes hands."""

    def __init__(self) -> None:
        super().__init__()
        self.offer: Offer | None = None

    class OwnershipOffered(Event):
        """The owner wants another team to have it; nothing moves until that team agrees, before ``valid_until``.

        What is offered is said here, for the receiving side sees the offer and not yet the certificate.
        """

        TOPIC: ClassVar[str] = "sslclm.certificate.ownership-offered.v1"
        team_id: str
        owner_id: str
        offered_by: str
        valid_until: Timestamp
        dns_names: tuple[str, ...]
        ip_addresses: tuple[str, ...]
        not_after: Timestamp

        def apply(self, certificate: Transferable) -> None:
            offer = Offer(team_id=self.team_id, offered_by=self.offered_by, valid_until=self.valid_until)
            certificate.offer = offer

    class OwnershipOfferEnded(Event):
        """The offer is off: the owner withdrew it, or the other team does not want it."""

        TOPIC: ClassVar[str] = "sslclm.certificate.ownership-offer-ended.v1"
        cause: Literal["withdrawn", "refused"]

        def apply(self, certificate: Transferable) -> None:
            certificate.offer = None

    class OwnershipMoved(Event):
        """The receiving team agreed: from here on the certificate is theirs, and the former owner's no more."""

        TOPIC: ClassVar[str] = "sslclm.certificate.ownership-moved.v1"
        team_id: str
        former_team_id: str

        def apply(self, certificate: Transferable) -> None:
            certificate.team_id, certificate.offer = self.team_id, None

    def offer_ownership(self, *, team_id: str, offered_by: str, at: datetime) -> None:
        """Offer the certificate to another team; the offer is good for :data:`OPEN`."""
        self._must_be("issued")
        self.record(
            self.OwnershipOffered,
            at=at,
            team_id=team_id,
            owner_id=self._owner_who_may_offer(team_id, at=at),
            offered_by=offered_by,
            valid_until=at + OPEN,
            dns_names=self.dns_names,
            ip_addresses=self.ip_addresses,
            not_after=self.not_after,
        )

    def accept_ownership(self, *, accepter: str, at: datetime) -> None:
        """Take what was offered; whoever offered it cannot agree for the other side."""
        self._must_be("issued")
        offer = self._open_offer(at=at)
        if accepter == offer.offered_by:
            raise Denied(
                "whoever offers a certificate does not agree for the other side",
                rule="four-eyes",
                fix="ask a second person of the receiving team",
            )
        self.record(self.OwnershipMoved, at=at, team_id=offer.team_id, former_team_id=self.team_id or "")

    def end_offer(self, *, cause: Literal["withdrawn", "refused"], at: datetime) -> None:
        """Withdraw the offer, or refuse it; that needs no second person."""
        self._open_offer(at=at)
        self.record(self.OwnershipOfferEnded, at=at, cause=cause)

    def _owner_who_may_offer(self, team_id: str, *, at: datetime) -> str:
        if self.team_id is None or self.purpose not in {"order", "imported"}:
            raise WrongState(
                "this certificate belongs to the system itself", rule="certificate-purpose", fix="it has no other owner"
            )
        if team_id == self.team_id:
            raise InvalidInput("the team has it already", rule="transfer-to-owner", fix="name another team")
        if self.offer is not None and self.offer.is_open(at):
            fix = "withdraw it first: sslclm transfer withdraw"
            raise WrongState("an offer is open", rule="transfer-open", fix=fix)
        return self.team_id

    def _open_offer(self, *, at: datetime) -> Offer:
        if self.offer is None or not self.offer.is_open(at):
            raise WrongState("no offer is open", rule="transfer-none", fix="ask the owner to offer it (again)")
        return self.offer

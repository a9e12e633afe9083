"""Moving a certificate to another team: an offer by its owner, and the consent of whoever is to have it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from domain.base import Timestamp, Value
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


def check_offer(offer: Offer | None, *, owner: str | None, purpose: str, team_id: str, at: datetime) -> str:
    """Return the owner; raises unless a certificate of this owner and purpose may be offered to a team now."""
    if owner is None or purpose not in {"order", "imported"}:
        raise WrongState(
            "this certificate belongs to the system itself", rule="certificate-purpose", fix="it has no other owner"
        )
    if team_id == owner:
        raise InvalidInput("the team has it already", rule="transfer-to-owner", fix="name another team")
    if offer is not None and offer.is_open(at):
        raise WrongState("an offer is open", rule="transfer-open", fix="withdraw it first: sslclm transfer withdraw")
    return owner


def check_answer(offer: Offer | None, *, answerer: str | None, at: datetime) -> Offer:
    """Return the open offer that somebody answers; ``answerer`` is None where saying no needs no second person."""
    if offer is None or not offer.is_open(at):
        raise WrongState("no offer is open", rule="transfer-none", fix="ask the owner to offer it (again)")
    if answerer == offer.offered_by:
        raise Denied(
            "whoever offers a certificate does not agree for the other side",
            rule="four-eyes",
            fix="ask a second person of the receiving team",
        )
    return offer

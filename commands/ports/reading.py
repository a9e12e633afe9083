"""The few questions a handler asks of read models; each answer may lag, so no right and no uniqueness rests on one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from commands.ports.issuers import RevokedSerial


@dataclass(frozen=True, slots=True)
class StartedIssuance:
    """An issuance that was announced and has not ended; ``position`` is that of its announcement."""

    certificate_id: str
    position: int


@dataclass(frozen=True, slots=True)
class DueCrl:
    """A CRL whose successor is due; ``number`` is the last that was drawn, published or not (0: none yet)."""

    issuer_id: str
    number: int


@dataclass(frozen=True, slots=True)
class DueRenewal:
    """A certificate for which an attempt or an escalation is due; ``seen``: position of its renewal's last change."""

    certificate_id: str
    seen: int


@dataclass(frozen=True, slots=True)
class DueRevocation:
    """A planned revocation whose time has come; ``position`` is that of its plan."""

    certificate_id: str
    position: int


Place = tuple[str, str]
"""A host's stream id and a directory on it."""


class Reading(Protocol):
    """Read models as handlers use them."""

    async def caught_up(self, position: int) -> None:
        """Wait until the read models have seen ``position``; raises Unavailable after a few seconds."""

    def started_issuances(self) -> Sequence[StartedIssuance]:
        """Return the issuances that wait for their end."""

    def served_from(self, place: Place) -> Sequence[str]:
        """Return the certificates, still in force, that were ever proven to be served from a place."""

    def places_of(self, certificate_id: str) -> Sequence[Place]:
        """Return the places where this certificate is the last one that was proven to be served."""

    def authorities(self) -> Sequence[bytes]:
        """Return the certificates (DER) of all authorities of ours, agents' and root too."""

    def certificates_of_key(self, spki_sha256: str) -> Sequence[str]:
        """Return the certificates in force of one public key."""

    def installing(self, certificate_id: str) -> Sequence[str]:
        """Return the deployments of a certificate that a host has still to carry out."""

    def planned_at(self, place: Place) -> Sequence[str]:
        """Return the deployments that are planned for a place and have not been reported."""

    def next_renewal(self) -> datetime | None:
        """Return when something is due for a renewal next; None where nothing is planned."""

    def renewals_due(self, at: datetime, *, at_most: int) -> Sequence[DueRenewal]:
        """Return renewals for which something is due, at most so many; where there are more, the nearest end first."""

    def successor_of(self, certificate_id: str) -> str | None:
        """Return an issued certificate of the same owner that names all its names and lives longer, if there is one."""

    def issuer_ends(self, issuer_id: str) -> datetime | None:
        """Return the end of an issuer's own certificate (inclusive); None for one that is not ours."""

    def requesting_grants(self, team_id: str) -> Sequence[str]:
        """Return the grants in force by which somebody may request for a team."""

    def admin_grants(self) -> Sequence[str]:
        """Return the grants of ROLE_ADMIN that are in force."""

    def revoked(self, issuer_id: str, *, not_expired_at: datetime) -> Sequence[RevokedSerial]:
        """Return the revoked serials of an issuer whose certificates had not expired at that moment."""

    def crls_due(self, at: datetime) -> Sequence[DueCrl]:
        """Return the CRLs of keys at hand that have less than half of their time left, or lack a revocation."""

    def undecided_of(self, pseudonym: str, at: datetime) -> Sequence[str]:
        """Return what waits for a decision that four eyes make and that a person began or has approved in part."""

    def orders_wanting_keys(self) -> Sequence[str]:
        """Return the approved orders whose keys the key store is to make, and has not for every host."""

    def copies_due(self, at: datetime) -> Sequence[tuple[str, str]]:
        """Return the keys, each with a certificate, whose copy in the key store may be over at that moment."""

    def copies(self, stored_as: Iterable[str]) -> Mapping[str, bool]:
        """Return those of these key store ids that an event names; True: the copy is to be kept."""

    def revocations_due(self, at: datetime) -> Sequence[DueRevocation]:
        """Return the planned revocations whose deadline is over or whose replacing order is fulfilled."""

"""What a restored ledger takes over of what it had forgotten: certificates and revocations that were published."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Event, Timestamp, Value
from domain.certificates.revocation import Revocable, RevocationReason


class LostCertificate(Value):
    """A certificate of ours that this ledger has forgotten.

    Of one that is known from a CRL only, the serial is all there is: ``certificate`` (base64 of the DER) is empty,
    and ``not_after`` is its issuer's own, beyond which it cannot be valid.
    """

    purpose: Literal["order", "agent", "server"] = "order"
    team_id: str | None = None
    host_id: str | None = None
    profile_id: str | None = None
    issuer_id: str
    serial: str
    spki_sha256: str = ""
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    not_before: Timestamp
    not_after: Timestamp
    fingerprint: str = ""
    certificate: str = ""


class Restorable(Revocable):
    """The part of a certificate's life that a ledger learns again after it was restored with loss."""

    class TakenOver(LostCertificate, base.Created):
        """It was issued before the ledger was restored with loss, and is known again: its serial stays used."""

        TOPIC: ClassVar[str] = "sslclm.certificate.taken-over.v1"

        def apply(self, certificate: Restorable) -> None:
            certificate.state, certificate.purpose = "issued", self.purpose
            certificate.team_id, certificate.host_id, certificate.profile_id = (
                self.team_id,
                self.host_id,
                self.profile_id,
            )
            certificate.issuer_id, certificate.serial = self.issuer_id, self.serial
            certificate.not_before, certificate.not_after = self.not_before, self.not_after
            certificate.spki_sha256 = self.spki_sha256
            certificate.dns_names, certificate.ip_addresses = self.dns_names, self.ip_addresses
            certificate.certificate, certificate.fingerprint = self.certificate, self.fingerprint

    class RevocationTakenOver(Event):
        """It was revoked before the ledger was restored with loss; ``revoked_at`` is the day published then."""

        TOPIC: ClassVar[str] = "sslclm.certificate.revocation-taken-over.v1"
        issuer_id: str
        serial: str
        reason: RevocationReason
        revoked_at: Timestamp
        invalidity_date: Timestamp | None
        not_after: Timestamp

        def apply(self, certificate: Restorable) -> None:
            certificate.state, certificate.revoked_for, certificate.planned = "revoked", self.reason, None

    def take_over_revocation(
        self, *, reason: RevocationReason, revoked_at: datetime, invalidity_date: datetime | None, at: datetime
    ) -> None:
        """Record a revocation that was published already, whatever state the certificate is in; once."""
        if self.state != "revoked":
            told = {"issuer_id": self.issuer_id, "serial": self.serial, "not_after": self.not_after}
            told |= {"reason": reason, "revoked_at": revoked_at, "invalidity_date": invalidity_date}
            self.record(self.RevocationTakenOver, at=at, **told)

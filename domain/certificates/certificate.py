"""A certificate: from the moment its serial is drawn until it is superseded, revoked or expired."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.errors import WrongState
from domain.ids import derived_id

State = Literal["started", "issued", "failed", "superseded", "revoked"]
Purpose = Literal["order", "agent", "server"]
RevocationReason = Literal[
    "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"
]
"""CRLReason names (RFC 5280 section 5.3.1) that an end-entity certificate may get here."""


class Certificate(Aggregate):
    """One certificate. Its stream id derives from issuer and serial, so the ledger lets no serial be used twice."""

    def __init__(self) -> None:
        self.state: State = "started"
        self.purpose: Purpose = "order"
        self.team_id: str | None = None
        self.order_id: str | None = None
        self.host_id: str | None = None
        self.issuer_id = ""
        self.serial = ""
        self.tbs_sha256 = ""
        self.not_after: datetime
        self.certificate = ""
        self.fingerprint = ""

    class IssuanceStarted(base.Created):
        """The serial is consumed and these to-be-signed bytes are about to be signed; stored before the key is used."""

        TOPIC: ClassVar[str] = "sslclm.certificate.issuance-started.v1"
        purpose: Purpose
        order_id: str | None
        team_id: str | None
        host_id: str | None
        profile_id: str | None
        profile_version: int | None
        issuer_id: str
        serial: str
        tbs_sha256: str
        spki_sha256: str
        dns_names: tuple[str, ...]
        ip_addresses: tuple[str, ...]
        not_before: Timestamp
        not_after: Timestamp

        def apply(self, certificate: Certificate) -> None:
            certificate.purpose, certificate.team_id = self.purpose, self.team_id
            certificate.order_id, certificate.host_id = self.order_id, self.host_id
            certificate.issuer_id, certificate.serial = self.issuer_id, self.serial
            certificate.tbs_sha256, certificate.not_after = self.tbs_sha256, self.not_after

    class Issued(Event):
        """The certificate exists: base64 of its DER, and the SHA-256 of that DER in hex."""

        TOPIC: ClassVar[str] = "sslclm.certificate.issued.v1"
        certificate: str
        fingerprint: str

        def apply(self, certificate: Certificate) -> None:
            certificate.state = "issued"
            certificate.certificate, certificate.fingerprint = self.certificate, self.fingerprint

    class IssuanceFailed(Event):
        """No certificate is known to exist. ``outcome-unknown``: the key may have signed before a crash."""

        TOPIC: ClassVar[str] = "sslclm.certificate.issuance-failed.v1"
        reason: Literal["signing-failed", "outcome-unknown"]

        def apply(self, certificate: Certificate) -> None:
            certificate.state = "failed"

    class Superseded(Event):
        """Another certificate serves on every target where this one did."""

        TOPIC: ClassVar[str] = "sslclm.certificate.superseded.v1"
        by: str

        def apply(self, certificate: Certificate) -> None:
            certificate.state = "superseded"

    class Revoked(Event):
        """The serial is on its issuer's CRL from the next one on."""

        TOPIC: ClassVar[str] = "sslclm.certificate.revoked.v1"
        issuer_id: str
        serial: str
        reason: RevocationReason
        not_after: Timestamp

        def apply(self, certificate: Certificate) -> None:
            certificate.state = "revoked"

    @staticmethod
    def id_for(issuer_id: str, serial: str) -> str:
        """Return the stream id of the one certificate with this issuer and serial."""
        return derived_id("certificate", issuer_id, serial)

    def issued(self, *, certificate: str, fingerprint: str, at: datetime) -> None:
        """Record the signed certificate."""
        self._must_be("started")
        self.record(self.Issued, at=at, certificate=certificate, fingerprint=fingerprint)

    def fail(self, *, reason: Literal["signing-failed", "outcome-unknown"], at: datetime) -> None:
        """Record that the issuance ended without a certificate; its serial is revoked, since it may exist after all."""
        self._must_be("started")
        self.record(self.IssuanceFailed, at=at, reason=reason)
        self._revoke("unspecified", at)

    def supersede(self, *, by: str, at: datetime) -> None:
        """Record that another certificate took this one's place."""
        self._must_be("issued")
        self.record(self.Superseded, at=at, by=by)

    def revoke(self, *, reason: RevocationReason, at: datetime) -> None:
        """Revoke the certificate for good; it need not be the newest, but must not have expired."""
        if self.state not in {"issued", "superseded"}:
            raise WrongState(f"the certificate is {self.state}", rule="certificate-state", fix="look at its history")
        if self.purpose != "order":
            raise WrongState(
                "this certificate belongs to the system itself",
                rule="certificate-purpose",
                fix="disable the host instead; the backend's own certificate is renewed by itself",
            )
        if at > self.not_after:
            raise WrongState("the certificate has expired already", rule="certificate-expired", fix="nothing is to do")
        self._revoke(reason, at)

    def _revoke(self, reason: RevocationReason, at: datetime) -> None:
        self.record(
            self.Revoked, at=at, issuer_id=self.issuer_id, serial=self.serial, reason=reason, not_after=self.not_after
        )

    def _must_be(self, state: State) -> None:
        if self.state != state:
            raise WrongState(
                f"the certificate is {self.state}, not {state}", rule="certificate-state", fix="look at its history"
            )

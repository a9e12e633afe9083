"""A certificate: from the moment its serial is drawn, or it is imported, until it is superseded, revoked or expired."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Event, Timestamp
from domain.certificates.certificate_state import Purpose
from domain.certificates.ownership import Transferable
from domain.certificates.taken_over import Restorable
from domain.certificates.wish import Target
from domain.ids import derived_id


class Certificate(Transferable, Restorable):
    """One certificate. Its stream id derives from issuer and serial, so the ledger lets no serial be used twice.

    What changes its owner, what revokes it and what a restored ledger takes over stand in its parts.
    """

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
            certificate.not_before, certificate.not_after = self.not_before, self.not_after
            certificate.spki_sha256, certificate.profile_id = self.spki_sha256, self.profile_id
            certificate.dns_names, certificate.ip_addresses = self.dns_names, self.ip_addresses

    class Imported(base.Created):
        """A certificate of a foreign authority is in the inventory; it was made elsewhere.

        - ``issuer_id``: derived from the issuer's name (``foreign-…``), so that it is never one of ours.
          ``issuer_name``: its text; ``issuer_fingerprint``: of the issuer's certificate, where that came along.
        - ``certificate``: base64 of the DER; empty where it may name a person, since nothing here can be erased.
          ``chain``: what came along above it, nearest first, without a root, under the same rule.
        - ``crl_urls``, ``ca_urls``: what the certificate says of itself. They are shown, and never fetched.
        - ``profile_id``, ``profile_version``, ``targets``: by what and where it is to be replaced; None and empty
          where it is not to be renewed from here. ``with_key``: its private key came along, so it counts as seen.
        """

        TOPIC: ClassVar[str] = "sslclm.certificate.imported.v1"
        team_id: str
        issuer_id: str
        issuer_name: str
        issuer_fingerprint: str | None
        serial: str
        spki_sha256: str
        key_algorithm: str
        dns_names: tuple[str, ...]
        ip_addresses: tuple[str, ...]
        not_before: Timestamp
        not_after: Timestamp
        fingerprint: str
        certificate: str
        chain: tuple[str, ...]
        crl_urls: tuple[str, ...]
        ca_urls: tuple[str, ...]
        profile_id: str | None
        profile_version: int | None
        targets: tuple[Target, ...]
        with_key: bool

        def apply(self, certificate: Certificate) -> None:
            certificate.state, certificate.purpose, certificate.team_id = "issued", "imported", self.team_id
            certificate.issuer_id, certificate.serial = self.issuer_id, self.serial
            certificate.issuer_name, certificate.ask_there = self.issuer_name, (*self.ca_urls, *self.crl_urls)
            certificate.not_before, certificate.not_after = self.not_before, self.not_after
            certificate.dns_names, certificate.ip_addresses = self.dns_names, self.ip_addresses
            certificate.certificate, certificate.fingerprint = self.certificate, self.fingerprint
            certificate.profile_id, certificate.targets = self.profile_id, self.targets
            certificate.spki_sha256, certificate.chain = self.spki_sha256, self.chain

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
            certificate.state, certificate.superseded_by = "superseded", self.by

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

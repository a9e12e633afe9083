"""A certificate: from the moment its serial is drawn, or it is imported, until it is superseded, revoked or expired."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.certificates import taken_over
from domain.certificates.ownership import OPEN, Offer, check_answer, check_offer
from domain.certificates.revocation import Plan, RevocationReason, check_call_off, check_plan, check_revocable
from domain.certificates.wish import Target
from domain.errors import WrongState
from domain.ids import derived_id

State = Literal["started", "issued", "failed", "superseded", "revoked"]
Purpose = Literal["order", "agent", "server", "imported"]


class Certificate(Aggregate):
    """One certificate. Its stream id derives from issuer and serial, so the ledger lets no serial be used twice."""

    def __init__(self) -> None:
        self.state: State = "started"
        self.purpose: Purpose = "order"
        self.team_id: str | None = None
        self.order_id: str | None = None
        self.host_id: str | None = None
        self.issuer_id = ""
        self.issuer_name = ""
        self.ask_there: tuple[str, ...] = ()
        self.serial = ""
        self.spki_sha256 = ""
        self.dns_names: tuple[str, ...] = ()
        self.ip_addresses: tuple[str, ...] = ()
        self.profile_id: str | None = None
        self.not_before: datetime
        self.not_after: datetime
        self.certificate = ""
        self.fingerprint = ""
        self.superseded_by = ""
        self.targets: tuple[Target, ...] = ()
        self.offer: Offer | None = None
        self.chain: tuple[str, ...] = ()
        self.planned: Plan | None = None
        self.revoked_for: RevocationReason | None = None

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

        def apply(self, certificate: Certificate) -> None:
            offer = Offer(team_id=self.team_id, offered_by=self.offered_by, valid_until=self.valid_until)
            certificate.offer = offer

    class OwnershipOfferEnded(Event):
        """The offer is off: the owner withdrew it, or the other team does not want it."""

        TOPIC: ClassVar[str] = "sslclm.certificate.ownership-offer-ended.v1"
        cause: Literal["withdrawn", "refused"]

        def apply(self, certificate: Certificate) -> None:
            certificate.offer = None

    class OwnershipMoved(Event):
        """The receiving team agreed: from here on the certificate is theirs, and the former owner's no more."""

        TOPIC: ClassVar[str] = "sslclm.certificate.ownership-moved.v1"
        team_id: str
        former_team_id: str

        def apply(self, certificate: Certificate) -> None:
            certificate.team_id, certificate.offer = self.team_id, None

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

    class RevocationPlanned(Event):
        """It will be revoked: when ``order_id`` has replaced it, and ``at_latest`` then, whatever happens."""

        TOPIC: ClassVar[str] = "sslclm.certificate.revocation-planned.v1"
        reason: RevocationReason
        at_latest: Timestamp
        order_id: str | None
        invalidity_date: Timestamp | None = None
        remove: bool = False

        def apply(self, certificate: Certificate) -> None:
            certificate.planned = Plan(**self.model_dump(include=set(Plan.model_fields)))

    class RevocationCalledOff(Event):
        """The planned revocation will not come."""

        TOPIC: ClassVar[str] = "sslclm.certificate.revocation-called-off.v1"

        def apply(self, certificate: Certificate) -> None:
            certificate.planned = None

    class Revoked(Event):
        """The serial is on its issuer's CRL from the next one on.

        ``invalidity_date``: since when the key is known or suspected to be compromised (RFC 5280 section 5.3.2).
        """

        TOPIC: ClassVar[str] = "sslclm.certificate.revoked.v1"
        issuer_id: str
        serial: str
        reason: RevocationReason
        not_after: Timestamp
        invalidity_date: Timestamp | None = None

        def apply(self, certificate: Certificate) -> None:
            certificate.state, certificate.revoked_for, certificate.planned = "revoked", self.reason, None

    TakenOver, RevocationTakenOver = taken_over.TakenOver, taken_over.RevocationTakenOver

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

    def revoke(self, *, reason: RevocationReason, at: datetime, invalidity_date: datetime | None = None) -> None:
        """Revoke the certificate for good; it need not be the newest, but must not have expired."""
        check_revocable(self, reason, at=at, invalidity_date=invalidity_date)
        self._revoke(reason, at, invalidity_date)

    def plan_revocation(self, plan: Plan, *, at: datetime) -> None:
        """Plan to revoke it; an earlier or a graver plan takes the place of a former one."""
        check_plan(self, plan, at=at)
        self.record(self.RevocationPlanned, at=at, **plan.model_dump())

    def call_off_revocation(self, *, at: datetime) -> None:
        """Call a planned revocation off; one for a compromised key comes whatever anybody says."""
        check_call_off(self, at=at)
        self.record(self.RevocationCalledOff, at=at)

    def _revoke(self, reason: RevocationReason, at: datetime, invalidity_date: datetime | None = None) -> None:
        told = {"issuer_id": self.issuer_id, "serial": self.serial, "not_after": self.not_after}
        self.record(self.Revoked, at=at, reason=reason, invalidity_date=invalidity_date, **told)

    def offer_ownership(self, *, team_id: str, offered_by: str, at: datetime) -> None:
        """Offer the certificate to another team; the offer is good for :data:`domain.certificates.ownership.OPEN`."""
        self._must_be("issued")
        owner = check_offer(self.offer, owner=self.team_id, purpose=self.purpose, team_id=team_id, at=at)
        self.record(
            self.OwnershipOffered,
            at=at,
            team_id=team_id,
            owner_id=owner,
            offered_by=offered_by,
            valid_until=at + OPEN,
            dns_names=self.dns_names,
            ip_addresses=self.ip_addresses,
            not_after=self.not_after,
        )

    def accept_ownership(self, *, accepter: str, at: datetime) -> None:
        """Take what was offered; whoever offered it cannot agree for the other side."""
        self._must_be("issued")
        offer = check_answer(self.offer, answerer=accepter, at=at)
        self.record(self.OwnershipMoved, at=at, team_id=offer.team_id, former_team_id=self.team_id or "")

    def end_offer(self, *, cause: Literal["withdrawn", "refused"], at: datetime) -> None:
        """Withdraw the offer, or refuse it."""
        check_answer(self.offer, answerer=None, at=at)
        self.record(self.OwnershipOfferEnded, at=at, cause=cause)

    def _must_be(self, state: State) -> None:
        if self.state != state:
            told = f"the certificate is {self.state}, not {state}"
            raise WrongState(told, rule="certificate-state", fix="look at its history")

"""Revocation: its reasons, until when a planned one must have come, and what cannot be revoked here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final, Literal

from domain.base import Event, Timestamp, Value, rfc3339
from domain.certificates.certificate_state import CertificateState
from domain.errors import InvalidInput, WrongState

RevocationReason = Literal[
    "unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation", "privilegeWithdrawn"
]
"""CRLReason names (RFC 5280 section 5.3.1) that an end-entity certificate may get here."""

COMPROMISED_AT_MOST: Final = timedelta(hours=24)
"""Until when a compromised key's certificate is revoked (CA/Browser Forum Baseline Requirements 4.9.1.1)."""
OTHERS_AT_MOST: Final = timedelta(days=5)
"""Until when a certificate is revoked that is asked to be for any other reason (same section)."""
GRACE_AT_MOST: Final = timedelta(days=7)
"""The longest that any plan may wait, the grace after a reveal included."""
_FIRST_DATE = datetime(1950, 1, 1, tzinfo=UTC)
_NOT_HERE: Mapping[str, str] = {
    "certificateHold": "a certificate on hold could come back; revocation is final here",
    "removeFromCRL": "nothing is taken from a CRL before it has expired",
    "cACompromise": "this is a reason for an authority's certificate",
    "aACompromise": "this is a reason for an attribute certificate",
}


class Plan(Value):
    """A revocation that is to come: once ``order_id`` has replaced the certificate, and ``at_latest`` then.

    ``remove``: the certificate is also taken out of service where it still serves by then.
    """

    reason: RevocationReason
    at_latest: Timestamp
    order_id: str | None = None
    invalidity_date: Timestamp | None = None
    remove: bool = False


def read_reason(text: str) -> RevocationReason:
    """Return the reason of that name. Raises InvalidInput that says why another of RFC 5280 is none here."""
    reason = _REASONS.get(text)
    if reason is None:
        why = _NOT_HERE.get(text, f"{text[:40]!r} is no reason of RFC 5280 section 5.3.1")
        raise InvalidInput(why, rule="revocation-reason", fix=f"use one of {', '.join(_REASONS)}")
    return reason


_REASONS: Mapping[str, RevocationReason] = {
    "unspecified": "unspecified",
    "keyCompromise": "keyCompromise",
    "affiliationChanged": "affiliationChanged",
    "superseded": "superseded",
    "cessationOfOperation": "cessationOfOperation",
    "privilegeWithdrawn": "privilegeWithdrawn",
}


def deadline(reason: RevocationReason, within: timedelta | None, *, at: datetime) -> datetime:
    """Return until when the revocation comes at the latest: within what is wished, and what the reason leaves."""
    at_most = COMPROMISED_AT_MOST if reason == "keyCompromise" else OTHERS_AT_MOST
    if within is not None and within > at_most:
        raise InvalidInput(
            f"a revocation for {reason} comes within {at_most // timedelta(hours=1)} hours",
            rule="revocation-deadline",
            fix="ask for less; or leave it out for the most that is allowed",
        )
    return at + (at_most if within is None else within)


def _check_invalidity(date: datetime | None, *, at: datetime) -> None:
    """Raise InvalidInput for an invalidity date that no CRL can state (RFC 5280 section 5.3.2)."""
    if date is not None and not _FIRST_DATE <= date <= at:
        raise InvalidInput(
            "the invalidity date is when the key is known or suspected to be compromised: it lies in the past",
            rule="invalidity-date",
            fix="give a moment that is over, with its zone: 2026-11-20T08:00:00Z",
        )


class Revocable(CertificateState):
    """The part of a certificate's life in which it is revoked: planned, called off, done."""

    def __init__(self) -> None:
        super().__init__()
        self.planned: Plan | None = None
        self.revoked_for: RevocationReason | None = None

    class RevocationPlanned(Event):
        """It will be revoked: when ``order_id`` has replaced it, and ``at_latest`` then, whatever happens."""

        TOPIC: ClassVar[str] = "sslclm.certificate.revocation-planned.v1"
        reason: RevocationReason
        at_latest: Timestamp
        order_id: str | None
        invalidity_date: Timestamp | None = None
        remove: bool = False

        def apply(self, certificate: Revocable) -> None:
            certificate.planned = Plan(**self.model_dump(include=set(Plan.model_fields)))

    class RevocationCalledOff(Event):
        """The planned revocation will not come."""

        TOPIC: ClassVar[str] = "sslclm.certificate.revocation-called-off.v1"

        def apply(self, certificate: Revocable) -> None:
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

        def apply(self, certificate: Revocable) -> None:
            certificate.state, certificate.revoked_for, certificate.planned = "revoked", self.reason, None

    def revoke(self, *, reason: RevocationReason, at: datetime, invalidity_date: datetime | None = None) -> None:
        """Revoke the certificate for good; it need not be the newest, but must not have expired."""
        self.must_be_revocable(reason, at=at, invalidity_date=invalidity_date)
        self._revoke(reason, at, invalidity_date)

    def plan_revocation(self, plan: Plan, *, at: datetime) -> None:
        """Plan to revoke it; an earlier or a graver plan takes the place of a former one."""
        self._must_allow(plan, at=at)
        self.record(self.RevocationPlanned, at=at, **plan.model_dump())

    def call_off_revocation(self, *, at: datetime) -> None:
        """Call a planned revocation off; one for a compromised key comes whatever anybody says."""
        if self.planned is None:
            told = "no revocation is planned"
            raise WrongState(told, rule="revocation-planned", fix=f"look at its history: sslclm show {self.id}")
        if self.planned.reason == "keyCompromise" and at <= self.not_after:
            raise WrongState(
                "a compromised key's certificate is revoked", rule="key-compromised", fix="replace it until then"
            )
        self.record(self.RevocationCalledOff, at=at)

    def _revoke(self, reason: RevocationReason, at: datetime, invalidity_date: datetime | None = None) -> None:
        told = {"issuer_id": self.issuer_id, "serial": self.serial, "not_after": self.not_after}
        self.record(self.Revoked, at=at, reason=reason, invalidity_date=invalidity_date, **told)

    def must_be_revocable(
        self, reason: RevocationReason, *, at: datetime, invalidity_date: datetime | None = None
    ) -> None:
        """Raise WrongState where the certificate cannot be revoked, or not by this issuer; says what to do instead.

        A revoked one may be revoked again for keyCompromise: the graver reason takes the milder one's place.
        """
        graver = self.state == "revoked" and reason == "keyCompromise" != self.revoked_for
        if self.state not in {"issued", "superseded"} and not graver:
            told = f"the certificate is {self.state}"
            raise WrongState(told, rule="certificate-state", fix=f"look at its history: sslclm show {self.id}")
        if self.purpose == "imported":
            where = ", ".join(self.ask_there) or "its certificate names no address"
            raise WrongState(
                f"a foreign authority issued it: {self.issuer_name}",
                rule="foreign-issuer",
                fix=f"ask that authority to revoke serial {self.serial} ({where}); replacing it is done here",
            )
        if self.purpose != "order":
            raise WrongState(
                "this certificate belongs to the system itself",
                rule="certificate-purpose",
                fix="disable the host instead; the backend's own certificate is renewed by itself",
            )
        if at > self.not_after:
            raise WrongState("the certificate has expired already", rule="certificate-expired", fix="nothing is to do")
        _check_invalidity(invalidity_date, at=at)

    def _must_allow(self, plan: Plan, *, at: datetime) -> None:
        """Raise unless this plan may be made: within its maximum, and never later or milder than the former one."""
        self.must_be_revocable(plan.reason, at=at, invalidity_date=plan.invalidity_date)
        at_most = at + (COMPROMISED_AT_MOST if plan.reason == "keyCompromise" else GRACE_AT_MOST)
        if plan.at_latest > at_most:
            raise InvalidInput(
                f"a revocation for {plan.reason} cannot wait beyond {rfc3339(at_most)}",
                rule="revocation-deadline",
                fix="name an earlier moment",
            )
        if self.state == "revoked":
            raise WrongState(
                "it is revoked already", rule="certificate-state", fix="revoke it now with the graver reason"
            )
        former = self.planned
        milder = former is not None and former.reason == "keyCompromise" != plan.reason
        if former is not None and (plan.at_latest > former.at_latest or milder):
            raise WrongState(
                f"its revocation for {former.reason} is planned for {rfc3339(former.at_latest)} already",
                rule="revocation-planned",
                fix="revoke it now, or plan it for an earlier moment",
            )

"""An issuer: a certification authority whose key signs certificates and CRLs."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.ids import derived_id

IssuerKind = Literal["root", "issuing", "agents"]
KeyPurpose = Literal["sign-issuing-ca"]

CRL_MARGIN = 1_000
"""How many CRL numbers are left out after a restore with loss; numbers must grow, they need not be dense."""


class Issuer(Aggregate):
    """A certification authority. Its private key is named by ``key_id``, or sealed apart (a root's)."""

    def __init__(self) -> None:
        self.kind: IssuerKind = "issuing"
        self.crl_number = 0
        self.rollover_told = False

    class Created(base.Created):
        """The authority exists; ``chain`` holds certificates (PEM) from its own up to the root."""

        TOPIC: ClassVar[str] = "sslclm.issuer.created.v1"
        name: str
        kind: IssuerKind
        slug: str
        chain: tuple[str, ...]
        fingerprint: str
        not_after: Timestamp
        key_id: str | None
        key_sealed: bool
        crl_url: str
        aia_url: str

        def apply(self, issuer: Issuer) -> None:
            issuer.kind = self.kind

    class KeyUsed(Event):
        """The sealed key is about to be used for one named purpose; stored before the key signs."""

        TOPIC: ClassVar[str] = "sslclm.issuer.key-used.v1"
        purpose: KeyPurpose
        tbs_sha256: str

    class CrlNumbered(Event):
        """A CRL number is drawn; stored before the CRL is signed, so that no number is used twice."""

        TOPIC: ClassVar[str] = "sslclm.issuer.crl-numbered.v1"
        number: int
        this_update: Timestamp
        next_update: Timestamp

        def apply(self, issuer: Issuer) -> None:
            issuer.crl_number = self.number

    class CrlPublished(Event):
        """The CRL of this number is signed and served."""

        TOPIC: ClassVar[str] = "sslclm.issuer.crl-published.v1"
        number: int
        entries: int
        sha256: str
        crl: str

    class RolloverDue(Event):
        """A certificate was wanted for longer than this issuer lives: a successor of the issuer is needed.

        ``ends``: the issuer's own notAfter, beyond which nothing below it can be valid. Told once.
        """

        TOPIC: ClassVar[str] = "sslclm.issuer.rollover-due.v1"
        ends: Timestamp

        def apply(self, issuer: Issuer) -> None:
            issuer.rollover_told = True

    class CrlNumbersSkipped(Event):
        """CRL numbers go on above this one: a lost part of the ledger may have drawn the ones before it."""

        TOPIC: ClassVar[str] = "sslclm.issuer.crl-numbers-skipped.v1"
        to: int

        def apply(self, issuer: Issuer) -> None:
            issuer.crl_number = self.to

    @staticmethod
    def id_for(name: str) -> str:
        """Return the stream id of the one issuer with this name."""
        return derived_id("issuer", name)

    def draw_crl_number(self, *, this_update: datetime, next_update: datetime, at: datetime) -> int:
        """Draw the next CRL number (RFC 5280 section 5.2.3)."""
        number = self.crl_number + 1
        self.record(self.CrlNumbered, at=at, number=number, this_update=this_update, next_update=next_update)
        return number

    def skip_crl_numbers(self, *, known: int, at: datetime) -> None:
        """Go on well above every number that is known: later ones may have been published that nobody handed in."""
        self.record(self.CrlNumbersSkipped, at=at, to=max(known, self.crl_number) + CRL_MARGIN)

    def needs_rollover(self, *, ends: datetime, at: datetime) -> None:
        """Raise the alarm, once, that certificates are cut short by this issuer's own end."""
        if not self.rollover_told:
            self.record(self.RolloverDue, at=at, ends=ends)

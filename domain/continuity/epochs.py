"""Epochs of the ledger: a restore that lost what was published ends one, and two people begin the next."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp, Value
from domain.errors import Denied, WrongState
from domain.ids import derived_id

GOOD_FOR = timedelta(hours=24)
"""How long a proposal waits for its second person."""

Phase = Literal["whole", "loss", "taking-over"]


class HeadOf(Value):
    """Where a chain ends or forks: the position, and the hash of the entry that ends there."""

    position: int
    entry_hash: str


class KnownCrl(Value):
    """The highest CRL number of an issuer that is known from anywhere; 0 where none is."""

    issuer_id: str
    number: int


class Epochs(Aggregate):
    """One stream for ever: what was lost, who proposed to go on, who agreed, and that it was put right."""

    def __init__(self) -> None:
        self.number = 1
        self.phase: Phase = "whole"
        self.loss: Epochs.LossFound | None = None
        self.loss_sha256 = ""
        self.proposed_by = ""
        self.valid_until: datetime | None = None

    class Counted(base.Created):
        """Epochs are counted from here on; the ledger began with the first."""

        TOPIC: ClassVar[str] = "sslclm.epochs.counted.v1"

    class LossFound(Event):
        """The ledger was restored from before what was published; nothing is issued, revoked or published meanwhile.

        - ``kept``: the last entry that this ledger shares with the one that was lost; ``lost``: that one's newest
          known entry, None where only CRLs tell of it.
        - ``evidence_sha256``: of the file that holds what is to be taken over: so many ``revocations`` and
          ``certificates``. ``crls``: every issuer, with the highest number that is known to have been drawn.
        """

        TOPIC: ClassVar[str] = "sslclm.epochs.loss-found.v1"
        kept: HeadOf
        lost: HeadOf | None
        evidence_sha256: str
        revocations: int
        certificates: int
        crls: tuple[KnownCrl, ...]

        def apply(self, epochs: Epochs) -> None:
            epochs.phase, epochs.loss = "loss", self
            epochs.loss_sha256 = hashlib.sha256(self.state()).hexdigest()
            epochs.proposed_by, epochs.valid_until = "", None

    class Proposed(Event):
        """A person proposes to begin a new epoch by exactly this loss (SHA-256 of its stored state)."""

        TOPIC: ClassVar[str] = "sslclm.epochs.proposed.v1"
        loss_sha256: str
        by: str
        valid_until: Timestamp

        def apply(self, epochs: Epochs) -> None:
            epochs.proposed_by, epochs.valid_until = self.by, self.valid_until

    class Begun(Event):
        """A second person agreed: a new epoch begins here, naming the head that was lost and the one that was kept."""

        TOPIC: ClassVar[str] = "sslclm.epochs.begun.v1"
        number: int
        kept: HeadOf
        lost: HeadOf | None
        loss_sha256: str
        proposed_by: str
        confirmed_by: str

        def apply(self, epochs: Epochs) -> None:
            epochs.number, epochs.phase = self.number, "taking-over"

    class Reconciled(Event):
        """What was lost and could be known again is taken over; work goes on."""

        TOPIC: ClassVar[str] = "sslclm.epochs.reconciled.v1"
        revocations: int
        certificates: int

        def apply(self, epochs: Epochs) -> None:
            epochs.phase, epochs.loss = "whole", None
            epochs.proposed_by, epochs.valid_until = "", None

    @staticmethod
    def the_id() -> str:
        """Return the id of the one stream."""
        return derived_id("epochs", "epochs")

    def find_loss(
        self,
        *,
        kept: HeadOf,
        lost: HeadOf | None,
        evidence_sha256: str,
        revocations: int,
        certificates: int,
        crls: tuple[KnownCrl, ...],
        at: datetime,
    ) -> None:
        """Record a loss, or more of one that is known; what was proposed before is void."""
        if self.phase == "taking-over":
            raise WrongState("a loss is being put right now", rule="epoch-state", fix="wait until it is reconciled")
        if self.loss is None or self.loss.evidence_sha256 != evidence_sha256:
            told = {"revocations": revocations, "certificates": certificates, "crls": crls}
            self.record(self.LossFound, at=at, kept=kept, lost=lost, evidence_sha256=evidence_sha256, **told)

    def propose(self, *, loss_sha256: str, by: str, at: datetime) -> None:
        """Propose to go on in a new epoch; the newest proposal counts."""
        self._must_be_read(loss_sha256)
        self.record(self.Proposed, at=at, loss_sha256=loss_sha256, by=by, valid_until=at + GOOD_FOR)

    def confirm(self, *, loss_sha256: str, by: str, at: datetime) -> None:
        """Agree to the proposal, as somebody else."""
        loss = self._must_be_read(loss_sha256)
        if self.valid_until is None or at > self.valid_until:
            raise WrongState(
                "nobody has proposed this within the last day", rule="approval-expired", fix="propose it first"
            )
        if by == self.proposed_by:
            raise Denied("you proposed it yourself", rule="four-eyes", fix="a second person must confirm it")
        told = {"number": self.number + 1, "kept": loss.kept, "lost": loss.lost, "loss_sha256": loss_sha256}
        self.record(self.Begun, at=at, proposed_by=self.proposed_by, confirmed_by=by, **told)

    def reconcile(self, *, at: datetime) -> None:
        """Record that everything is taken over; once."""
        if self.phase == "taking-over" and self.loss is not None:
            told = {"revocations": self.loss.revocations, "certificates": self.loss.certificates}
            self.record(self.Reconciled, at=at, **told)

    def _must_be_read(self, loss_sha256: str) -> LossFound:
        if self.phase != "loss" or self.loss is None:
            raise nothing_lost()
        if loss_sha256 != self.loss_sha256:
            raise WrongState(
                "this is not the loss that is known now", rule="approval-binding", fix="read it again, then decide"
            )
        return self.loss


def nothing_lost() -> WrongState:
    """Return the error of deciding on a loss that is not there."""
    return WrongState("there is no loss to decide on", rule="epoch-state", fix="look: sslclm recovery show")

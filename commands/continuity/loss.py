"""What was lost, as a document: found from evidence that was verified, taken over after two people agreed."""

from __future__ import annotations

import hashlib
from typing import Literal

from commands.base import Command
from domain.base import Timestamp, Value
from domain.certificates.revocation import RevocationReason
from domain.certificates.taken_over import LostCertificate
from domain.continuity.epochs import HeadOf, KnownCrl


class LostRevocation(Value):
    """A serial (lower-case hex) that a CRL or a newer export says is revoked, and this ledger does not."""

    issuer_id: str
    serial: str
    reason: RevocationReason
    revoked_at: Timestamp
    invalidity_date: Timestamp | None = None


class Loss(Value):
    """All that is known of what was lost; its bytes are what the ledger's ``LossFound`` names by hash."""

    format: Literal["sslclm-loss/1"] = "sslclm-loss/1"
    kept: HeadOf
    lost: HeadOf | None
    crls: tuple[KnownCrl, ...]
    revocations: tuple[LostRevocation, ...] = ()
    certificates: tuple[LostCertificate, ...] = ()

    def content(self) -> bytes:
        """Return the bytes that are stored and hashed."""
        return self.model_dump_json().encode()

    def sha256(self) -> str:
        """Return the hash of :meth:`content` in lower-case hex."""
        return hashlib.sha256(self.content()).hexdigest()


class FindLoss(Command):
    """Record what the evidence says; from then on nothing is issued, revoked or published."""

    kept: HeadOf
    lost: HeadOf | None
    evidence_sha256: str
    revocations: int
    certificates: int
    crls: tuple[KnownCrl, ...]


def find_loss(loss: Loss) -> FindLoss:
    """Return the command that records a loss."""
    return FindLoss(
        kept=loss.kept,
        lost=loss.lost,
        evidence_sha256=loss.sha256(),
        revocations=len(loss.revocations),
        certificates=len(loss.certificates),
        crls=loss.crls,
    )

"""What stands before a decision that cannot be taken back: the time may be wrong, the ledger incomplete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from domain.continuity.clock import Cause
from domain.continuity.epochs import Epochs, Phase

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Times:
    """What the machine says, what is believed, and why they differ; ``doubt`` is None while the wall is believed."""

    wall: datetime
    trusted: datetime
    doubt: Cause | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """A loss that waits for people (``loss``), or that is being put right (``taking-over``)."""

    phase: Phase
    loss: Epochs.LossFound
    loss_sha256: str
    proposed_by: str | None
    valid_until: datetime | None


class Gate(Protocol):
    """Says no while a person has to look first."""

    def times(self) -> Times:
        """Look at both clocks now."""

    def issuing(self) -> None:
        """Raise Unavailable where nothing may be issued or renewed now (rule ``clock-suspect``)."""

    def hold(self) -> Hold | None:
        """Return the loss that holds this backend, None where nothing does."""

    def executing(self, action: str) -> None:
        """Raise Unavailable where this action is held back now (rule ``restored-with-loss``)."""


class OpenGate:
    """Never says no: for tests, and where time is injected."""

    def times(self) -> Times:
        """Return the beginning of time: nothing here is in doubt."""
        return Times(_NEVER, _NEVER)

    def issuing(self) -> None:
        """Let everything through."""

    def hold(self) -> Hold | None:
        """Return nothing."""
        return None

    def executing(self, action: str) -> None:
        """Let everything through."""

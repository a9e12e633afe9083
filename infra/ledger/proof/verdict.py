"""What a verification answers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """The first thing that does not hold: at which position, which check, in words."""

    position: int
    check: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was read and whether it holds; ``notes`` says what was taken as given or not checked.

    ``head`` is the last entry's hash and ``tree_root`` the RFC 6962 root over all leaves, both lower-case hex.
    ``redacted`` counts entries whose details were erased.
    """

    holds: bool
    ledger_id: str
    origin: str
    first_position: int
    entries: int
    events: int
    head: str
    tree_root: str
    redacted: int
    notes: tuple[str, ...]
    finding: Finding | None

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as JSON values."""
        return asdict(self)


class Tampered(Exception):
    """The bytes are not those that were once chained; carries the first finding."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"position {finding.position}: {finding.check}: {finding.message}")
        self.finding = finding


class CannotCheck(Exception):
    """The input cannot be checked at all: unreadable, of an unknown format, or something asked for is missing."""

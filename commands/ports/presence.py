"""Signs of life of agents: telemetry, kept apart from the ledger and from the read models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SignOfLife:
    """When a host's agent was last heard, and what it last said of itself (empty: nothing yet)."""

    at: datetime
    agent_version: str = ""
    state: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class WatchedHost:
    """A host whose agent is enrolled and not disabled; ``changed``: when its ledger history last moved."""

    host_id: str
    offline: bool
    changed: datetime


class Presence(Protocol):
    """Who was heard when. Callers may assume that it answers from memory; they may not assume that it survives whole.

    What is not saved yet is lost with the process, so a sign of life may be missing, never invented.
    """

    def heard(self, host_id: str) -> None:
        """Note that a host's agent is speaking now."""

    def told(self, host_id: str, *, agent_version: str, state: str, detail: str) -> None:
        """Note what an agent says of itself now."""

    def last(self, host_id: str) -> SignOfLife | None:
        """Return the last sign of life; None where none is known."""


class Fleet(Protocol):
    """The hosts whose agents owe a sign of life."""

    def watched(self) -> Iterator[WatchedHost]:
        """Yield them, a page at a time."""

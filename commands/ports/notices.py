"""Notices as endpoints and reactions see them: what was told to whom, and what could not be delivered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from commands.notices.notice import Notice

DigestState = Literal["waiting", "sent", "given-up"]


@dataclass(frozen=True, slots=True)
class Digest:
    """One message: several notices for one recipient. Every attempt carries the same id and the same notices.

    ``recipient`` is a word, never an address: a team's contact id, or ``operators``.
    """

    digest_id: str
    channel: str
    recipient: str
    created: datetime
    state: DigestState
    attempts: int
    due: datetime
    problem: str
    count: int


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Some notices, the newest first; ``next_before`` asks for what follows (None at the end)."""

    notices: tuple[Notice, ...]
    next_before: int | None


class Notices(Protocol):
    """The notices that are kept; both lists are bounded, the oldest are dropped first."""

    def find(
        self,
        *,
        team_ids: tuple[str, ...] | None = None,
        kind: str | None = None,
        severity: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> NoticePage:
        """Return a page; ``team_ids`` restricts to what these teams own, None to nothing."""

    def deliveries(self, *, state: str | None = None, limit: int = 50) -> Sequence[Digest]:
        """Return messages, the newest first."""

    def figures(self) -> dict[str, int]:
        """Return how many notices wait to be sent (``pending``), and how many messages are in each state."""

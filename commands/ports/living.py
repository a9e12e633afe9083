"""The certificates that live, page by page, as policy looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.profiles.spec import ProfileSpec


@dataclass(frozen=True, slots=True)
class LivingCertificate:
    """One certificate that is issued and has not ended.

    ``der`` is empty where its bytes are not kept; ``issued``: the day of its issuance, None where that was elsewhere.
    ``noted``: the rules that it is on record to break.
    """

    certificate_id: str
    team_id: str
    profile_id: str | None
    host_id: str | None
    der: bytes
    issued: date | None
    noted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LivingPage:
    """Some of them, the next to expire first; ``next_cursor`` asks for what follows (None at the end)."""

    items: Sequence[LivingCertificate]
    next_cursor: str | None
    position: int


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """A profile as it is today."""

    profile_id: str
    spec: ProfileSpec
    retired: bool


class Living(Protocol):
    """Read models as policy asks them; each answer may lag, so what is decided on one is decided again in a command.

    ``teams`` restricts to what these teams own (None: no restriction).
    """

    def certificates(
        self, at: datetime, *, teams: tuple[str, ...] | None = None, cursor: str | None = None, limit: int = 200
    ) -> LivingPage:
        """Return a page of the certificates that are issued and end after ``at``."""

    def profile(self, profile_id: str) -> KnownProfile | None:
        """Return a profile."""

    def profiles(self, teams: tuple[str, ...] | None = None) -> Sequence[KnownProfile]:
        """Return every profile in force, or those that one of the teams may use."""

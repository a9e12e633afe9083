"""An outbox in a file, by a clock that a test turns, and a way out that a test closes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from commands.notices.notice import Audience, Notice, Severity
from infra.notices.channel import DeliveryFailed
from infra.notices.outbox import Outbox
from infra.notices.tables import NOTICES
from infra.records.sqlite import sqlite_records
from tests.support.identity import TurnedClock

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class PaperChannel:
    """Takes every message, or none while ``problem`` says why not."""

    name: str = "paper"
    problem: str = ""
    taken: list[tuple[str, str, list[Notice]]] = field(default_factory=list)
    tried: int = 0

    def recipients(self, notice):
        return (notice.team_id or "operators",)

    async def send(self, digest, notices):
        self.tried += 1
        if self.problem:
            raise DeliveryFailed(self.problem)
        self.taken.append((digest.digest_id, digest.recipient, list(notices)))


def a_notice(number: int = 1, **changes) -> Notice:
    """Return a notice as the table would make one."""
    told = {
        "notice_id": f"notice-{number}",
        "position": number,
        "at": NOW,
        "kind": "renewal-failed",
        "severity": Severity.WARNING,
        "audience": (Audience.OWNER,),
        "team_id": "team-1",
        "object_id": f"certificate-{number}",
        "sentence": f"Renewing www{number}.shop.test failed.",
        "todo": "Look at it.",
        "command": f"sslclm show certificate-{number}",
    }
    return Notice(**{**told, **changes})


@pytest.fixture
def clock():
    """A clock that stands at noon."""
    return TurnedClock(NOW)


@pytest.fixture
def notices(tmp_path):
    """The notices' tables, empty."""
    made = sqlite_records(tmp_path / "notices.sqlite", NOTICES)
    yield made
    made.close()


@pytest.fixture
def outbox(notices, clock):
    """An empty outbox."""
    return Outbox(notices, clock)


@pytest.fixture
def notice():
    """Return the function that makes notices."""
    return a_notice


@pytest.fixture
def channel():
    """A way out on paper."""
    return PaperChannel()

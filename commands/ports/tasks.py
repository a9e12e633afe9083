"""What the edge needs to hand out agents' tasks: signatures, leases and wake-ups."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol


class TaskSigner(Protocol):
    """Signs tasks (JWS, RFC 7515 compact, Ed25519) with the key whose public half is pinned at enrolment."""

    def sign(self, payload: Mapping[str, Any]) -> str:
        """Return the compact JWS over the payload's JSON; ``kid`` names the key."""

    def public_keys(self) -> tuple[Mapping[str, str], ...]:
        """Return the public keys as JWK (RFC 8037): the present one first, then announced successors."""


class Leases(Protocol):
    """Which tasks have been handed out and until when; telemetry, not history."""

    def lease(self, task_id: str, holder: str, seconds: float) -> bool:
        """Take or renew the lease of a task; False while somebody else holds it."""


class Bell(Protocol):
    """One listener's sign that something has changed since it began to listen."""

    async def wait(self, seconds: float) -> bool:
        """Return True once it has changed, False after ``seconds``."""


class Wakeups(Protocol):
    """Lets a long-poll wait for a change of what it would read."""

    def listen(self, value: str) -> AbstractContextManager[Bell]:
        """Listen for changes of what is named ``value`` (a host id), from now until the end of the block."""

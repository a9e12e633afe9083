"""A signed webhook by the Standard Webhooks specification (standardwebhooks.com, version 1).

Headers ``webhook-id``, ``webhook-timestamp`` (seconds) and ``webhook-signature``: ``v1,`` and base64 of HMAC-SHA256
over ``id.timestamp.body``, one for each secret while secrets are rotated.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from commands.notices.notice import Notice
from commands.ports.keystore import Secret
from commands.ports.notices import Digest
from domain.base import rfc3339
from domain.errors import ClmError, InvalidInput
from infra.notices.channel import OPERATORS, DeliveryFailed
from infra.outbound.guarded import GuardedClient

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret, as the specification has it."""
SECRETS_AT_MOST = 2


def read_secrets(text: bytes) -> tuple[Secret, ...]:
    """Return the secrets of a file, one ``whsec_…`` a line, the present one first. Raises InvalidInput."""
    secrets = tuple(Secret(_decoded(line)) for line in text.decode("ascii", "replace").split())
    if not 1 <= len(secrets) <= SECRETS_AT_MOST:
        raise _no_secret("it holds none, or more than two")
    return secrets


def _decoded(line: str) -> bytes:
    try:
        secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise _no_secret("a line is not base64") from None
    if not line.startswith(PREFIX) or not SHORTEST <= len(secret) <= LONGEST:
        raise _no_secret(f"a line is not {PREFIX} and base64 of {SHORTEST} to {LONGEST} bytes")
    return secret


def _no_secret(why: str) -> InvalidInput:
    return InvalidInput(
        f"the webhook's secret file cannot be used: {why}",
        rule="webhook-secret",
        fix="write one: echo whsec_$(openssl rand -base64 32) >FILE; chmod 600 FILE; while rotating, two lines",
    )


def signature(secret: Secret, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature of a message."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret.reveal(), signed, hashlib.sha256)).decode()


@dataclass(frozen=True, slots=True)
class Webhook:
    """The channel: every notice goes to the one receiver, whoever its audience is."""

    client: GuardedClient
    url: str
    secrets: Callable[[], tuple[Secret, ...]]
    clock: Callable[[], datetime]
    name: str = "webhook"

    def recipients(self, notice: Notice) -> Iterable[str]:  # noqa: ARG002 - the channel's signature; there is one receiver
        """Return the receiver."""
        return (OPERATORS,)

    async def send(self, digest: Digest, notices: Sequence[Notice]) -> None:
        """Post one message; any status of 2xx takes it."""
        try:
            body = payload(digest, notices)
            answer = await self.client.send("POST", self.url, self._headers(digest, body), body)
        except ClmError as problem:
            raise DeliveryFailed(problem.message) from problem
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise DeliveryFailed(f"the receiver answered {answer.status}")

    def _headers(self, digest: Digest, body: bytes) -> dict[str, str]:
        timestamp = int(self.clock().timestamp())
        signatures = [signature(one, digest.digest_id, timestamp, body) for one in self.secrets()]
        return {
            "Content-Type": "application/json",
            "webhook-id": digest.digest_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signatures),
        }


def payload(digest: Digest, notices: Sequence[Notice]) -> bytes:
    """Return the body: ``type``, ``timestamp`` and ``data`` as the specification recommends."""
    told = {
        "type": "sslclm.notices",
        "timestamp": rfc3339(digest.created),
        "data": {"notices": [_shown(one) for one in notices]},
    }
    return json.dumps(told, separators=(",", ":")).encode()


def _shown(one: Notice) -> dict[str, object]:
    return {
        "id": one.notice_id,
        "position": one.position,
        "at": rfc3339(one.at),
        "kind": one.kind,
        "severity": one.severity.value,
        "audience": [each.value for each in one.audience],
        "team_id": one.team_id,
        "object_id": one.object_id,
        "sentence": one.sentence,
        "todo": one.todo,
        "command": one.command,
    }

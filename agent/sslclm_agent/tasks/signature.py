from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sslclm_agent.errors import SignatureError, TaskError
from sslclm_agent.strictjson import Members, loads

_LEEWAY = 300
_FAR = 1 << 40


@dataclass(frozen=True)
class Task:
    """One verified task: what is to be done, told by the holder of the task key, for this host, still in time."""

    task_id: str
    kind: str
    parameters: dict[str, Any]


def verify(jws: str, task_id: str, host_id: str, keys: Sequence[dict[str, str]], now: datetime) -> Task:
    """Verify a compact JWS (RFC 7515) and its claims.

    Raises ``SignatureError`` when the backend did not sign these bytes with a pinned Ed25519 key, ``TaskError`` when
    it did but the task is for another host, another id or another time. The algorithm is never taken from the header.
    """
    members = Members(_signed_payload(jws, keys), "task")
    host, inner = members.text("host"), members.text("task_id")
    issued, expires = members.integer("iat", 0, _FAR), members.integer("exp", 0, _FAR)
    task = Task(inner, members.text("kind", limit=64), members.value("parameters"))
    members.done()
    if host != host_id:
        raise TaskError("the task is for another host")
    if inner != task_id:
        raise TaskError("the task's id is not the one it was delivered under")
    if expires <= now.timestamp():
        raise TaskError("the task has expired")
    if issued > now.timestamp() + _LEEWAY:
        raise TaskError("the task comes from the future; check this host's clock")
    return task


def _signed_payload(jws: str, keys: Sequence[dict[str, str]]) -> dict[str, Any]:
    parts = jws.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        raise SignatureError("the task is no compact JWS")
    try:
        header = loads(_decode(parts[0]))
        key = _pinned(header, keys)
        key.verify(_decode(parts[2]), f"{parts[0]}.{parts[1]}".encode("ascii"))
    except InvalidSignature as error:
        raise SignatureError("the task's signature is wrong") from error
    except (TaskError, ValueError) as error:
        raise SignatureError(f"the task's signature cannot be checked: {error}") from error
    return loads(_decode(parts[1]))


def _pinned(header: dict[str, Any], keys: Sequence[dict[str, str]]) -> Ed25519PublicKey:
    if header.get("alg") != "EdDSA" or not set(header) <= {"alg", "kid", "typ"}:
        raise SignatureError("its header must say EdDSA and nothing unusual")
    for key in keys:
        if key["kid"] == header.get("kid"):
            return Ed25519PublicKey.from_public_bytes(_decode(key["x"]))
    raise SignatureError("no task key of that name was given at enrolment")


def _decode(text: str) -> bytes:
    """Decode base64url without padding; refuse any other spelling of the same bytes."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise TaskError("not base64url") from error
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != text:
        raise TaskError("not canonical base64url")
    return data

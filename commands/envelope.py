"""What stands beside the events of an entry: who, how, why and from where, split into hashed and erasable parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from commands.base import Command
from commands.context import Context, Held

_JSON = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Envelope:
    """Exact bytes of an entry's metadata and details, and its hashed idempotency key."""

    metadata: bytes
    details: bytes | None
    idempotency: str | None


def idempotency_hash(context: Context) -> str | None:
    """Return SHA-256(principal, key) in lower-case hex; None where the caller gave no key."""
    if context.idempotency_key is None:
        return None
    return hashlib.sha256(f"{context.principal.pseudonym}\0{context.idempotency_key}".encode()).hexdigest()


def request_hash(command: Command) -> str:
    """Return the SHA-256 of a command's kind and content, by which a repeated call is known for the same."""
    return hashlib.sha256(f"{type(command).__name__}:{command.model_dump_json()}".encode()).hexdigest()


def envelope(
    command: Command, action: str, context: Context, held: Held | None, random_bytes: Callable[[int], bytes]
) -> Envelope:
    """Build the envelope of one entry; ``held`` is None where somebody without any role was refused."""
    details = _details(context, random_bytes)
    key = idempotency_hash(context)
    principal, proof = context.principal, context.principal.authentication
    metadata = {
        "actor": principal.pseudonym,
        "actor_kind": principal.kind,
        "role": str(held.role) if held else None,
        "method": proof.method,
        "command": action,
        "request_sha256": request_hash(command),
        "correlation_id": context.correlation_id,
        "purpose": context.purpose,
        "on_behalf_of": context.on_behalf_of,
        "session": proof.session,
        "idempotency": key,
        "details_sha256": hashlib.sha256(details).hexdigest() if details else None,
    }
    told = {name: value for name, value in metadata.items() if value}
    return Envelope(_JSON.encode(told).encode(), details, key)


def _details(context: Context, random_bytes: Callable[[int], bytes]) -> bytes | None:
    told = {
        "reason": context.reason,
        "ticket": context.ticket,
        "client_address": context.client_address,
        "user_agent": context.user_agent,
    }
    told = {name: value for name, value in told.items() if value}
    if not told:
        return None
    return random_bytes(16) + _JSON.encode(told).encode()

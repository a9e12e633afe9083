"""Signed tokens (JWS compact, RFC 7515): nothing of a token is used before its signature holds.

The algorithm is ours, never the token's; keys come from the provider's key set only, never from the token.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from commands.ports.signin import TokenRefused

MAX_TOKEN = 64 * 1024


class _Registry(jws.JWSRegistry):
    """Our size limits: room for an ``x5c`` header, and no more payload than a token with many groups has."""

    max_header_length = 8192
    max_payload_length = 48 * 1024
    max_signature_length = 1024


class Keys(Protocol):
    """Where verification keys come from."""

    async def key(self, kid: str | None, alg: str) -> Key:
        """Return the provider's key for this header. Raises :class:`TokenRefused`."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token whose signature holds under ``key``; its claims are still to be checked."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    key: Key

    @property
    def type(self) -> str:
        """The header's ``typ``, lower case, without ``application/`` (RFC 7515 section 4.1.9)."""
        return str(self.header.get("typ", "")).lower().removeprefix("application/")


def refused(reason: str, rule: str = "invalid-token") -> TokenRefused:
    """Return the error for a token that is not believed; the reason never quotes the token."""
    return TokenRefused(f"the token is refused: {reason}", rule=rule, fix="sign in again or fetch a new token")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _json(payload: bytes | None) -> Any:
    """Read strict JSON: no member twice, no NaN, no half of a surrogate pair (which no store could hold)."""
    value = json.loads(payload or b"", object_pairs_hook=_unique, parse_constant=_no_constant)
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _header(token: str, registry: jws.JWSRegistry, algs: Sequence[str]) -> Mapping[str, Any]:
    header = jws.extract_compact(token.encode("ascii"), registry=registry).headers()
    if not isinstance(header, dict) or not isinstance(header.get("alg"), str) or header["alg"] not in algs:
        raise refused("its algorithm is not one that is pinned for this provider", "token-algorithm")
    if not isinstance(header.get("kid"), str | None) or header.get("kid") == "":
        raise refused("its key id is not a text", "token-key")
    if {"crit", "b64", "jwk"} & header.keys():
        raise refused("its header carries an extension or a key of its own", "token-header")
    return header


async def verify(token: object, keys: Keys, algs: Sequence[str]) -> Verified:
    """Return header and claims of a compact JWS with a good signature. Raises :class:`TokenRefused`."""
    if not isinstance(token, str) or not token or len(token) > MAX_TOKEN or not token.isascii():
        raise refused("it is not a compact JWS of a sensible size", "token-form")
    registry = _Registry(algorithms=list(algs), strict_check_header=False)
    try:
        header = _header(token, registry, algs)
        key = await keys.key(header.get("kid"), header["alg"])
        payload = jws.deserialize_compact(token, key, registry=registry).payload
        claims = _json(payload)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise refused("its form or its signature is not valid", "token-signature") from error
    if not isinstance(claims, dict):
        raise refused("its payload is not a JSON object", "token-form")
    return Verified(header, claims, key)


def unverified_issuer(token: object) -> str:
    """Return what a token *claims* as issuer, only to choose whose keys must verify it; empty where unreadable."""
    if not isinstance(token, str) or len(token) > MAX_TOKEN or not token.isascii():
        return ""
    try:
        payload = jws.extract_compact(token.encode("ascii"), registry=_Registry()).payload
        claims = _json(payload)
    except (JoseError, ValueError, TypeError, RecursionError):
        return ""
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""

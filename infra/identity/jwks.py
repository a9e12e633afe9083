"""A provider's verification keys, cached: rotation is seen at once, withdrawal within five minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from domain.errors import Unavailable
from infra.identity.jose import refused

TTL_S = 300
"""A key that the provider withdrew is believed no longer than this."""
UNKNOWN_KID_S = 30
"""An unknown key id makes us ask again at most this often, so that nobody can make us hammer the provider."""
STALE_S = 10 * TTL_S
"""While the provider does not answer, its last known keys are used no longer than this."""
RETRY_S = 5
"""Without usable keys we ask again at most this often; in between everybody is told at once."""
_MIN_RSA_BITS = 2048
_MODULUS_TEXT = range(342, 1367)
"""Characters of base64url for 2048 to 8192 bits: a longer modulus is slow on purpose, a shorter one is weak."""
_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "Ed25519": "Ed25519"}


def usable(document: Mapping[str, Any]) -> tuple[Key, ...]:
    """Return the public signature keys of a JWKS (RFC 7517); anything else in it is left out."""
    listed = document.get("keys")
    if not isinstance(listed, list):
        return ()
    return tuple(key for key in map(_usable_key, listed[:100]) if key is not None)


def _usable_key(jwk: Any) -> Key | None:
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("RSA", "EC", "OKP") or jwk.get("use", "sig") != "sig":
        return None
    if jwk["kty"] == "RSA" and not (isinstance(jwk.get("n"), str) and len(jwk["n"]) in _MODULUS_TEXT):
        return None
    try:
        key = JWKRegistry.import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if key.is_private or (isinstance(key, RSAKey) and key.public_key.key_size < _MIN_RSA_BITS):
        return None
    return key


def _fits(key: Key, alg: str) -> bool:
    if key.alg is not None and key.alg != alg and not (alg == "Ed25519" and key.alg == "EdDSA"):
        return False
    if alg in _CURVES:
        return isinstance(key, ECKey | OKPKey) and key.curve_name == _CURVES[alg]
    return isinstance(key, RSAKey)


class Jwks:
    """The keys behind one ``jwks_uri``; ``fetch`` returns the document or raises ``Unavailable``."""

    def __init__(self, fetch: Callable[[], Awaitable[Mapping[str, Any]]], clock: Callable[[], datetime]) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def key(self, kid: str | None, alg: str) -> Key:
        """Return the one key for a token header. Raises ``TokenRefused``, or ``Unavailable`` without any keys."""
        async with self._lock:
            if self._age(self._fetched_at) >= TTL_S:
                await self._refresh()
            found = self._find(kid, alg)
            if found is None and kid is not None and self._age(self._asked_at) >= UNKNOWN_KID_S:
                await self._refresh()
                found = self._find(kid, alg)
        if found is None:
            raise refused("the provider has no such key", "token-key")
        return found

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock().timestamp() - moment

    def _find(self, kid: str | None, alg: str) -> Key | None:
        if kid is None:
            return self._keys[0] if len(self._keys) == 1 and _fits(self._keys[0], alg) else None
        return next((key for key in self._keys if key.kid == kid and _fits(key, alg)), None)

    async def _refresh(self) -> None:
        if self._keys and self._age(self._asked_at) < UNKNOWN_KID_S and self._age(self._fetched_at) < STALE_S:
            return
        if self._age(self._asked_at) < RETRY_S:
            raise Unavailable(
                "the identity provider's keys cannot be had",
                rule="provider-unreachable",
                fix="try again in some seconds; if it stays, see that its key set can be reached from here",
            )
        self._asked_at = self._clock().timestamp()
        try:
            self._keys = usable(await self._fetch())
            self._fetched_at = self._asked_at
        except Unavailable:
            if not self._keys or self._age(self._fetched_at) >= STALE_S:
                raise

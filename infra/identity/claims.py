"""What the claims of a token must say, each check with its source. Pure: data in, refusal or nothing out."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.identity.jose import Verified, refused

LEEWAY_S = 60
MAX_IAT_AGE_S = 600
NEW_SKEW_S = 30
"""How far the clocks may differ where a *new* authentication was demanded; with more, the last one would pass."""
MAX_TEXT = 255
MAX_TIME = 253_402_300_799
"""The last second of the year 9999: no clock can show more."""
BACK_CHANNEL_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_DIGESTS = {"256": "sha256", "384": "sha384", "512": "sha512"}


@dataclass(frozen=True, slots=True)
class Expected:
    """What an id_token must answer to: our own request, whose nonce and wishes were kept on the server.

    ``now`` and ``not_before`` are seconds since 1970; ``not_before`` is when a forced re-authentication was asked for.
    ``nonce`` is None only for a refreshed id_token (OIDC Core section 12.2).
    """

    issuer: str
    client_id: str
    now: float
    nonce: str | None
    access_token: str | None = None
    max_age: int | None = None
    not_before: float | None = None


def text(claims: Mapping[str, Any], name: str) -> str:
    """Return a claim that must be a text of 1 to 255 characters."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise refused(f"{name} is missing or not a text of 1 to {MAX_TEXT} characters", f"token-{name}")
    return value


def number(claims: Mapping[str, Any], name: str) -> float:
    """Return a claim that must be a NumericDate (RFC 7519 section 2)."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_TIME:
        raise refused(f"{name} is missing or not a time", f"token-{name}")
    return float(value)


def texts(claims: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a claim that is a list of texts, empty where it is absent."""
    value = claims.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise refused(f"{name} is not a list of texts", f"token-{name}")
    return tuple(value)


def audience(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return ``aud``, which may be one text or a list of them (RFC 7519 section 4.1.3)."""
    value = claims.get("aud")
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(item, str) and item for item in listed):
        raise refused("aud is missing or empty", "token-aud")
    return tuple(listed)


def check_issuer(claims: Mapping[str, Any], issuer: str) -> None:
    """Demand exactly our issuer: no normalisation, trailing slash included (OIDC Core section 3.1.3.7 (2))."""
    if claims.get("iss") != issuer:
        raise refused("it was issued by somebody else", "token-iss")


def check_times(claims: Mapping[str, Any], now: float, *, max_age: float | None = MAX_IAT_AGE_S) -> None:
    """Demand a living token: exp, nbf and iat with 60 s of leeway, and one issued just now where ``max_age`` is set."""
    if number(claims, "exp") + LEEWAY_S <= now:
        raise refused("it has expired", "token-exp")
    issued = number(claims, "iat")
    if issued > now + LEEWAY_S or (max_age is not None and issued < now - max_age):
        raise refused("it was not issued just now", "token-iat")
    if "nbf" in claims and number(claims, "nbf") > now + LEEWAY_S:
        raise refused("it is not valid yet", "token-nbf")


def check_client(claims: Mapping[str, Any], client_id: str) -> None:
    """Demand that the token is for us: in ``aud``, and named by ``azp`` among several (OIDC Core 3.1.3.7 (3)-(5))."""
    audiences = audience(claims)
    if client_id not in audiences:
        raise refused("it is meant for somebody else", "token-aud")
    if ("azp" in claims or len(audiences) > 1) and claims.get("azp") != client_id:
        raise refused("azp does not name us", "token-azp")


def check_hash(verified: Verified, name: str, value: str) -> None:
    """Demand that ``at_hash`` fits the access token it came with, where it is given (OIDC Core 3.1.3.6)."""
    if name not in verified.claims:
        return
    alg = str(verified.header["alg"])
    digest = hashlib.new(_DIGESTS.get(alg[-3:], "sha512"), value.encode()).digest()  # Ed25519 hashes with SHA-512
    expected = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    given = verified.claims[name]
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise refused(f"{name} does not fit the access token", "token-at_hash")


def check_freshness(claims: Mapping[str, Any], expected: Expected) -> None:
    """Demand an authentication as recent as we asked for (OIDC Core section 3.1.2.1, ``max_age``)."""
    if "auth_time" not in claims and expected.max_age is None and expected.not_before is None:
        return
    authenticated = number(claims, "auth_time")
    if authenticated > expected.now + LEEWAY_S:
        raise refused("auth_time is in the future", "token-auth_time")
    too_old = expected.max_age is not None and authenticated < expected.now - expected.max_age - LEEWAY_S
    if too_old or (expected.not_before is not None and authenticated < expected.not_before - NEW_SKEW_S):
        raise refused("the authentication is older than we asked for", "token-auth_time")


def check_id_token(verified: Verified, expected: Expected) -> None:
    """Check an id_token against our request (OIDC Core sections 3.1.3.7 and 12.2). Raises ``TokenRefused``."""
    claims = verified.claims
    if verified.type not in ("", "jwt") or claims.get("typ", "ID") != "ID" or "events" in claims:
        raise refused("it is not an id_token", "token-type")
    check_issuer(claims, expected.issuer)
    check_client(claims, expected.client_id)
    check_times(claims, expected.now)
    text(claims, "sub")
    nonce = claims.get("nonce")
    if expected.nonce is not None and (
        not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode())
    ):
        raise refused("it does not answer our request (nonce)", "token-nonce")
    if expected.access_token is not None:
        check_hash(verified, "at_hash", expected.access_token)
    check_freshness(claims, expected)


def check_logout_token(verified: Verified, issuer: str, client_id: str, now: float) -> None:
    """Check a logout token (OIDC Back-Channel Logout section 2.6). Raises ``TokenRefused``."""
    claims = verified.claims
    if verified.type not in ("", "jwt", "logout+jwt") or claims.get("typ", "Logout") != "Logout" or "nonce" in claims:
        raise refused("it is not a logout token", "token-type")
    check_issuer(claims, issuer)
    check_client(claims, client_id)
    check_times(claims, now)
    text(claims, "jti")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(BACK_CHANNEL_EVENT), dict):
        raise refused("it does not say that somebody signed out", "token-events")
    if "sub" not in claims and "sid" not in claims:
        raise refused("it names neither a session nor a person", "token-sub")
    for name in ("sub", "sid"):
        if name in claims:
            text(claims, name)

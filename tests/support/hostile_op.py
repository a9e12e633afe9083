"""A hostile OpenID provider behind an ASGI transport: everything it says can be bent by a test, before it says it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx2
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.identity.settings import MfaRule, ProviderSettings
from tests.support.identity import TurnedClock

ISSUER = "http://127.0.0.1:9/op"
CLIENT = "sslclm-web"
SECRET = "the-client-secret-that-both-sides-know"
AUDIENCE = "urn:sslclm:api"
CALLBACK = "http://127.0.0.1:1/auth/callback"
EVENT = "http://schemas.openid.net/event/backchannel-logout"
RSA = RSAKey.generate_key(2048, parameters={"kid": "k1", "use": "sig"})
OTHER_RSA = RSAKey.generate_key(2048, parameters={"kid": "k1", "use": "sig"})
OTHER_EC = ECKey.generate_key("P-256", parameters={"kid": "k1", "use": "sig"})


def settings(**changed: Any) -> ProviderSettings:
    """Return our registration at the hostile provider."""
    standard = ProviderSettings(
        name="op",
        issuer=ISSUER,
        client_id=CLIENT,
        client_secret=SecretStr(SECRET),
        redirect_uri=CALLBACK,
        mfa=MfaRule(acr=frozenset({"mfa"}), amr_all=(frozenset({"pwd", "otp"}),)),
        step_up={"acr_values": "mfa"},
        groups_limit=100,
        api_audience=AUDIENCE,
        development=True,
    )
    return ProviderSettings(**{**dict(standard), **changed})


def encoded(value: Any) -> bytes:
    """Return base64url without padding; JSON for anything but bytes (NaN and all)."""
    plain = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=")


def unsigned(header: Any, claims: Any, signature: bytes = b"") -> str:
    """Return a compact JWS with any header, any payload and any signature."""
    return b".".join((encoded(header), encoded(claims), encoded(signature))).decode()


def hmac_signed(header: dict[str, Any], claims: Any, secret: bytes) -> str:
    """Return a JWS signed with HS256 under any secret, without a library in the way."""
    signed = encoded(header) + b"." + encoded(claims)
    return (signed + b"." + encoded(hmac.digest(secret, signed, hashlib.sha256))).decode()


def sign(header: dict[str, Any], claims: Any, key: Any = RSA) -> str:
    """Return a JWS properly signed by ``key``; the header may hold anything."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.max_header_length = 16_000
    crit = header.get("crit")
    if crit is None:
        return jws.serialize_compact(header, payload, key, registry=registry)
    raw = encoded(header) + b"." + encoded(payload)
    algorithm = jws.JWSRegistry.algorithms[header["alg"]]
    return (raw + b"." + encoded(algorithm.sign(raw, key))).decode()


class HostileOp:
    """Honest until a test changes what it says, member by member.

    ``token`` is a function (header, claims) -> id_token. ``asked`` counts requests for the key set.
    """

    def __init__(self, clock: TurnedClock) -> None:
        self.clock = clock
        now = int(clock().timestamp())
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "k1", "typ": "JWT"}
        self.claims: dict[str, Any] = {
            "iss": ISSUER, "sub": "alice", "aud": CLIENT, "iat": now, "exp": now + 300, "auth_time": now,
            "acr": "mfa", "amr": ["pwd", "otp"], "sid": "session-1", "groups": ["/sslclm/viewers"],
        }  # fmt: skip
        self.token: Any = sign
        self.answer: dict[str, Any] = {}
        self.callback: dict[str, str | None] = {"iss": ISSUER, "code": "code-1"}
        self.keys: list[dict[str, Any]] = [dict(RSA.as_dict(private=False))]
        self.status = 200
        self.raw: Response | None = None
        self.asked = self.discovered = 0
        self.discovery: dict[str, Any] = {
            "issuer": ISSUER, "authorization_endpoint": f"{ISSUER}/authorize", "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks", "id_token_signing_alg_values_supported": ["RS256"],
            "authorization_response_iss_parameter_supported": True,
        }  # fmt: skip

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Return what replaces the sockets."""
        routes = [
            Route("/op/.well-known/openid-configuration", self._discovery),
            Route("/op/jwks", self._jwks),
            Route("/op/token", self._token, methods=["POST"]),
        ]
        return httpx2.ASGITransport(app=Starlette(routes=routes))

    def advertise(self, *algs: str) -> None:
        """List more algorithms in the discovery document."""
        self.discovery["id_token_signing_alg_values_supported"] = ["RS256", *algs]

    async def _discovery(self, _: Any) -> JSONResponse:
        self.discovered += 1
        return JSONResponse(self.discovery, self.status)

    async def _jwks(self, _: Any) -> JSONResponse:
        self.asked += 1
        return JSONResponse({"keys": self.keys}, self.status)

    async def _token(self, _: Any) -> Response:
        if self.raw is not None:
            return self.raw
        tokens = {"access_token": "access-1", "token_type": "Bearer", "refresh_token": "refresh-1"}
        id_token = self.token(self.header, {name: value for name, value in self.claims.items() if value is not ...})
        return JSONResponse(
            {name: value for name, value in (tokens | {"id_token": id_token} | self.answer).items() if value is not ...}
        )


BEARER = {"alg": "RS256", "kid": "k1", "typ": "at+jwt"}


def machine(op: HostileOp, **changed: Any) -> dict[str, Any]:
    """Return the claims of a good machine token, bent; ``...`` leaves one out."""
    now = int(op.clock().timestamp())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ci-shop", "client_id": "ci-shop", "iat": now, "exp": now + 300}
    bent = good | {"groups": ["/teams/shop/pipelines"], "scope": "a b"} | changed
    return {name: value for name, value in bent.items() if value is not ...}

"""What the development provider signs, with an ES256 key made at start: id, access and logout tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from infra.identity.claims import BACK_CHANNEL_EVENT
from infra.identity.devprovider.personas import Machine, Persona

TOKEN_S = 300
ALG = "ES256"


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in at the development provider: who, when, how, and under which session id. Seconds since 1970."""

    persona: Persona
    auth_time: int
    second_factor: bool
    sid: str

    @property
    def acr(self) -> str:
        """``mfa`` or ``pwd``."""
        return "mfa" if self.second_factor else "pwd"

    @property
    def amr(self) -> list[str]:
        """Methods as RFC 8176 names them."""
        return ["pwd", "otp"] if self.second_factor else ["pwd"]


class Signer:
    """Signs this provider's tokens with a key that lives as long as the process."""

    def __init__(self, issuer: str, clock: Callable[[], datetime]) -> None:
        self._issuer = issuer
        self._clock = clock
        self._key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": ALG}, private=True)
        self._key.ensure_kid()

    def jwks(self) -> dict[str, Any]:
        """Return the public key set (RFC 7517)."""
        return {"keys": [self._key.as_dict(private=False)]}

    def now(self) -> int:
        """Return seconds since 1970."""
        return int(self._clock().timestamp())

    def id_token(self, login: Login, client_id: str, *, nonce: str | None, access_token: str) -> str:
        """Return the id_token of a sign-in; a refreshed one has no nonce."""
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: dict[str, Any] = {
            "sub": login.persona.subject,
            "aud": client_id,
            "azp": client_id,
            "auth_time": login.auth_time,
            "acr": login.acr,
            "amr": login.amr,
            "sid": login.sid,
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "name": login.persona.name,
            "email": login.persona.email,
            "groups": list(login.persona.groups),
        }
        return self._sign(claims | ({} if nonce is None else {"nonce": nonce}), "JWT")

    def machine_token(self, machine: Machine, audience: str) -> str:
        """Return an access token of a machine (RFC 9068)."""
        claims = {"sub": machine.client_id, "client_id": machine.client_id, "aud": audience, "scope": "sslclm"}
        return self._sign(claims | {"groups": list(machine.groups)}, "at+jwt")

    def logout_token(self, login: Login, client_id: str) -> str:
        """Return a logout token (OIDC Back-Channel Logout section 2.4)."""
        claims = {"sub": login.persona.subject, "sid": login.sid, "aud": client_id, "events": {BACK_CHANNEL_EVENT: {}}}
        return self._sign(claims, "logout+jwt")

    def _sign(self, claims: Mapping[str, Any], typ: str) -> str:
        now = self.now()
        full = {"iss": self._issuer, "iat": now, "exp": now + TOKEN_S, "jti": secrets.token_urlsafe(16), **claims}
        header = {"alg": ALG, "typ": typ, "kid": self._key.kid}
        return jws.serialize_compact(header, json.dumps(full).encode(), self._key, algorithms=[ALG])

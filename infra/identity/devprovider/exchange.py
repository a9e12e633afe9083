"""The token endpoint: authorization_code with PKCE, refresh_token with rotation, client_credentials for machines."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from urllib.parse import unquote_plus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.identity.devprovider.personas import MACHINES
from infra.identity.devprovider.realm import Realm, error
from infra.identity.devprovider.store import Grant
from infra.identity.devprovider.tokens import TOKEN_S


class Exchange:
    """RFC 6749 sections 3.2 and 5, for confidential clients only."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def endpoint(self, request: Request) -> Response:
        """Answer one token request."""
        form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
        client_id = self._authenticated(request.headers.get("authorization", ""), form)
        if client_id is None:
            return error("invalid_client", 401)
        grant_type = form.get("grant_type")
        if grant_type == "client_credentials":
            return self._machine(client_id)
        if client_id != self._realm.client.client_id:
            return error("unauthorized_client")
        if grant_type == "authorization_code":
            return self._code(form)
        return self._refresh(form) if grant_type == "refresh_token" else error("unsupported_grant_type")

    def _authenticated(self, authorization: str, form: Mapping[str, str]) -> str | None:
        client_id, secret = _basic(authorization) or (form.get("client_id", ""), form.get("client_secret", ""))
        known = {**self._realm.machine_secrets, self._realm.client.client_id: self._realm.client.secret}
        expected = known.get(client_id)
        matches = expected is not None and hmac.compare_digest(expected.encode(), secret.encode())
        return client_id if matches else None

    def _machine(self, client_id: str) -> Response:
        machine = next((machine for machine in MACHINES if machine.client_id == client_id), None)
        if machine is None:
            return error("unauthorized_client")
        token = self._realm.signer.machine_token(machine, self._realm.api_audience)
        return _answer({"access_token": token})

    def _code(self, form: Mapping[str, str]) -> Response:
        now = self._realm.signer.now()
        code, verifier, back = (form.get(name, "") for name in ("code", "code_verifier", "redirect_uri"))
        grant = self._realm.store.redeem(code, verifier, back, now)
        return error("invalid_grant") if grant is None else self._granted(grant, nonce=grant.asked.nonce)

    def _refresh(self, form: Mapping[str, str]) -> Response:
        grant = self._realm.store.use_refresh(form.get("refresh_token", ""))
        return error("invalid_grant") if grant is None else self._granted(grant, nonce=None)

    def _granted(self, grant: Grant, *, nonce: str | None) -> Response:
        access_token = secrets.token_urlsafe(32)
        self._realm.store.access[access_token] = grant.login
        id_token = self._realm.signer.id_token(
            grant.login, grant.asked.client_id, nonce=nonce, access_token=access_token
        )
        refresh_token = self._realm.store.new_refresh(grant)
        return _answer({"access_token": access_token, "id_token": id_token, "refresh_token": refresh_token})


def _answer(tokens: Mapping[str, str]) -> Response:
    body = {**tokens, "token_type": "Bearer", "expires_in": TOKEN_S}
    return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _basic(authorization: str) -> tuple[str, str] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return unquote_plus(name), unquote_plus(secret)

"""The authorization endpoint: check the request, find or choose the person, go back with a code."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from infra.identity.devprovider import pages
from infra.identity.devprovider.personas import PERSONAS
from infra.identity.devprovider.realm import Realm
from infra.identity.devprovider.store import Asked
from infra.identity.devprovider.tokens import Login

COOKIE = "sslclm-dev-provider"
_S256_LENGTH = 43


class Authorize:
    """OIDC Core section 3.1.2 with ``prompt``, ``max_age``, ``acr_values`` and an essential ``acr`` in ``claims``.

    GET shows the personas; POST to the same address with ``persona`` and ``second_factor=yes|no`` signs in.
    """

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    async def endpoint(self, request: Request) -> Response:
        """Answer one authorization request."""
        query = request.query_params
        client = self._realm.client
        if query.get("client_id") != client.client_id or query.get("redirect_uri") not in client.redirect_uris:
            return pages.page("Unknown application", "<p>client_id or redirect_uri is not registered here.</p>", 400)
        asked = Asked(
            query["client_id"],
            query["redirect_uri"],
            query.get("state", ""),
            query.get("nonce", ""),
            query.get("code_challenge", ""),
        )
        problem = _problem(query)
        if problem:
            return self._back(asked, error=problem)
        if request.method == "POST":
            return await self._signed_in(request, asked)
        return self._known_or_choose(request, asked)

    def _known_or_choose(self, request: Request, asked: Asked) -> Response:
        query = request.query_params
        prompts = query.get("prompt", "").split()
        login = self._realm.store.logins.get(request.cookies.get(COOKIE, ""))
        if login is not None and not {"login", "select_account"} & set(prompts) and self._suffices(login, query):
            return self._back(asked, code=self._realm.store.code(asked, login, self._realm.signer.now()))
        if "none" in prompts:
            return self._back(asked, error="login_required")
        return pages.choose(PERSONAS, only_second_factor=wants_second_factor(query))

    def _suffices(self, login: Login, query: Mapping[str, str]) -> bool:
        age = self._realm.signer.now() - login.auth_time
        fresh = "max_age" not in query or age < int(query["max_age"])
        return fresh and (login.second_factor or not wants_second_factor(query))

    async def _signed_in(self, request: Request, asked: Asked) -> Response:
        form = await request.form()
        persona = next((one for one in PERSONAS if one.subject == form.get("persona")), None)
        if persona is None or form.get("second_factor") not in ("yes", "no"):
            return pages.page("Nobody chosen", "<p>Send persona and second_factor=yes|no.</p>", 400)
        second_factor = form["second_factor"] == "yes"
        if wants_second_factor(request.query_params) and not second_factor:
            return self._back(asked, error="unmet_authentication_requirements")
        login = Login(persona, self._realm.signer.now(), second_factor, secrets.token_urlsafe(16))
        response = self._back(asked, code=self._realm.store.code(asked, login, login.auth_time))
        response.set_cookie(COOKIE, self._realm.store.remember(login), httponly=True, samesite="lax")
        return response

    def _back(self, asked: Asked, **params: str) -> RedirectResponse:
        joined = "&" if "?" in asked.redirect_uri else "?"
        answer = urlencode(params | {"state": asked.state, "iss": self._realm.issuer})
        return RedirectResponse(f"{asked.redirect_uri}{joined}{answer}", 303, {"Cache-Control": "no-store"})


def wants_second_factor(query: Mapping[str, str]) -> bool:
    """Say whether ``acr_values`` or an ``acr`` in ``claims`` asks for ``mfa``."""
    if "mfa" in query.get("acr_values", "").split():
        return True
    try:
        claims: Any = json.loads(query.get("claims", "{}"))
        wish = claims["id_token"]["acr"]
        return "mfa" in [wish.get("value"), *wish.get("values", [])]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _problem(query: Mapping[str, str]) -> str | None:
    if query.get("response_type") != "code":
        return "unsupported_response_type"
    if "openid" not in query.get("scope", "").split():
        return "invalid_scope"
    if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != _S256_LENGTH:
        return "invalid_request"
    max_age = query.get("max_age", "0")
    return None if max_age.isdecimal() and max_age.isascii() and len(max_age) < 10 else "invalid_request"  # noqa: PLR2004 - digits

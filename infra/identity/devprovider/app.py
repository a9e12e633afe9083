"""A small OpenID Connect provider for development: real protocol, real signatures, made-up people."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from infra.identity.devprovider import pages
from infra.identity.devprovider.authorize import COOKIE, Authorize
from infra.identity.devprovider.exchange import Exchange
from infra.identity.devprovider.guard import require_development
from infra.identity.devprovider.personas import MACHINES
from infra.identity.devprovider.realm import DevClient, Realm, error
from infra.identity.devprovider.store import Store
from infra.identity.devprovider.tokens import ALG, Signer
from infra.identity.settings import MfaRule, ProviderSettings, web_address

_ENDPOINTS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "userinfo_endpoint": "userinfo",
    "end_session_endpoint": "end_session",
    "jwks_uri": "jwks",
}


class DevProvider:
    """The provider and its ASGI ``app``. Refuses to be made outside development or off loopback."""

    def __init__(
        self,
        issuer: str,
        client: DevClient,
        *,
        development: bool,
        hosts: Iterable[str],
        clock: Callable[[], datetime],
        api_audience: str = "urn:sslclm:api",
    ) -> None:
        require_development(development=development, hosts=(*hosts, urlsplit(issuer).hostname or ""))
        web_address(issuer, development=True)
        made = {machine.client_id: secrets.token_urlsafe(32) for machine in MACHINES}
        self.realm = Realm(issuer, client, api_audience, made, Store(), Signer(issuer, clock))
        self.app = Starlette(
            routes=self._routes(urlsplit(issuer).path.rstrip("/")),
            # a foreign Host header means DNS rebinding: some web page speaking to this machine
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        )

    def settings(self) -> ProviderSettings:
        """Return what the application configures to use this provider."""
        return ProviderSettings(
            name="development",
            issuer=self.realm.issuer,
            client_id=self.realm.client.client_id,
            client_secret=SecretStr(self.realm.client.secret),
            redirect_uri=self.realm.client.redirect_uris[0],
            algs=(ALG,),
            mfa=MfaRule(acr=frozenset({"mfa"}), amr_all=(frozenset({"pwd", "otp"}),)),
            step_up={"acr_values": "mfa"},
            api_audience=self.realm.api_audience,
            development=True,
        )

    def _routes(self, base: str) -> list[Route]:
        authorize, exchange = Authorize(self.realm), Exchange(self.realm)
        return [
            Route(f"{base}/.well-known/openid-configuration", self._discovery),
            Route(f"{base}/jwks", self._jwks),
            Route(f"{base}/authorize", authorize.endpoint, methods=["GET", "POST"]),
            Route(f"{base}/token", exchange.endpoint, methods=["POST"]),
            Route(f"{base}/userinfo", self._userinfo, methods=["GET", "POST"]),
            Route(f"{base}/end_session", self._end_session),
        ]

    async def _discovery(self, _: Request) -> Response:
        document: dict[str, object] = {
            "issuer": self.realm.issuer,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALG],
            "code_challenge_methods_supported": ["S256"],
            "acr_values_supported": ["pwd", "mfa"],
            "claims_parameter_supported": True,
            "authorization_response_iss_parameter_supported": True,
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        return JSONResponse(document | {name: f"{self.realm.issuer}/{path}" for name, path in _ENDPOINTS.items()})

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse(self.realm.signer.jwks())

    async def _userinfo(self, request: Request) -> Response:
        login = self.realm.store.access.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if login is None:
            return error("invalid_token", 401)
        persona = login.persona
        body = {"sub": persona.subject, "name": persona.name, "email": persona.email, "groups": list(persona.groups)}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    async def _end_session(self, request: Request) -> Response:
        """End the browser's sign-in (OIDC RP-Initiated Logout); only its own cookie says which."""
        login = self.realm.store.logins.get(request.cookies.get(COOKIE, ""))
        if login is not None:
            self.realm.store.end(login.sid)
        back = request.query_params.get("post_logout_redirect_uri", "")
        if back not in self.realm.client.after_logout:
            return pages.page("Signed out", "<p>You are signed out at the development provider.</p>")
        state = request.query_params.get("state")
        return RedirectResponse(back if state is None else f"{back}?{urlencode({'state': state})}", 303)

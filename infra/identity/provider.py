"""One OpenID Connect provider: Authlib speaks the protocol, every document and token is checked by us.

Authlib's own discovery, key cache and id_token check are not used: they accept ``alg=none`` where the discovery
document lists it, a foreign issuer in that document, and a withdrawn key for ever.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped] # Authlib ships no types
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped] # as above

from commands.ports.signin import SignInRefused
from domain.errors import Unavailable
from infra.identity import claims as check
from infra.identity.emergency import ExpiryTransport, Leaves, no_leaves
from infra.identity.http import TIMEOUT_S, BoundedTransport, get_document, tls_context, transport
from infra.identity.jose import Verified, verify
from infra.identity.jwks import RETRY_S, Jwks
from infra.identity.settings import ProviderSettings, web_address

METADATA_TTL_S = 3600
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_OPTIONAL_ENDPOINTS = ("end_session_endpoint",)
_UNREACHABLE = "try again later; if it stays, see that the identity provider runs and can be reached from here"

Clock = Callable[[], datetime]


BASIC = "client_secret_basic"


def _basic(client: Any, _method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """Put client id and secret, each form-encoded as RFC 6749 section 2.3.1 says, into the header; Authlib does not."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return uri, headers, body


class GrantEnded(SignInRefused):
    """The provider answered ``invalid_grant``: this code or refresh token is used, expired or revoked."""

    rule = "grant-ended"


class Provider:
    """Discovery, keys, authorization request, token requests and id_token check of one configured provider.

    ``over`` replaces the sockets in tests; ``leaves`` names what is believed in an emergency. Methods raise
    :class:`domain.errors.Unavailable` while the provider cannot be used, :class:`TokenRefused` for a token that proves
    nothing, :class:`SignInRefused` for a refused grant.
    """

    def __init__(
        self,
        settings: ProviderSettings,
        clock: Clock,
        *,
        over: httpx2.AsyncBaseTransport | None = None,
        leaves: Leaves = no_leaves,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._context = tls_context(settings)
        self._over, self._leaves = over, leaves
        self._metadata: Mapping[str, Any] | None = None
        self._loaded_at = self._asked_at = 0.0
        self._loading = asyncio.Lock()
        self._jwks = Jwks(self._fetch_jwks, clock)

    def _transport(self) -> httpx2.AsyncBaseTransport:
        if self._over is not None:
            return BoundedTransport(self._over)
        name = self.settings.name
        plain = transport(self._context)
        return BoundedTransport(ExpiryTransport(self.settings, plain, lambda: self._leaves(name)))

    def _client(self) -> Any:
        client = AsyncOAuth2Client(
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret.get_secret_value(),
            token_endpoint_auth_method=self.settings.client_auth,
            scope=" ".join(self.settings.scopes),
            code_challenge_method="S256",
            verify=self._context,
            transport=self._transport(),
            trust_env=False,
            follow_redirects=False,
            timeout=TIMEOUT_S,
        )
        client.register_client_auth_method((BASIC, _basic))
        return client

    async def metadata(self) -> Mapping[str, Any]:
        """Return the checked discovery document (OIDC Discovery section 4), at most an hour old."""
        async with self._loading:
            now = self.clock().timestamp()
            if self._metadata is None or now - self._loaded_at >= METADATA_TTL_S:
                if now - self._asked_at < RETRY_S:  # nobody waits in a queue for a provider that does not answer
                    raise Unavailable(
                        "the identity provider did not answer just now", rule="provider-unreachable", fix=_UNREACHABLE
                    )
                self._asked_at = now
                self._metadata = self._checked(await self._fetch("/.well-known/openid-configuration", "discovery"))
                self._loaded_at = now
            return self._metadata

    async def _fetch(self, path: str, what: str) -> dict[str, Any]:
        url = path if "://" in path else self.settings.issuer.rstrip("/") + path
        async with httpx2.AsyncClient(transport=self._transport(), trust_env=False, timeout=TIMEOUT_S) as client:
            return await get_document(client, url, what)

    async def _fetch_jwks(self) -> Mapping[str, Any]:
        return await self._fetch(str((await self.metadata())["jwks_uri"]), "key set")

    def _checked(self, document: dict[str, Any]) -> Mapping[str, Any]:
        if document.get("issuer") != self.settings.issuer:
            raise Unavailable(
                "the discovery document names another issuer than the settings",
                rule="provider-issuer",
                fix="configure the issuer exactly as the provider writes it, trailing slash included",
            )
        try:
            for name in _ENDPOINTS + tuple(n for n in _OPTIONAL_ENDPOINTS if n in document):
                web_address(str(document.get(name, "")), development=self.settings.development)
        except ValueError as error:
            raise Unavailable(
                f"the discovery document is unusable: {error}",
                rule="provider-endpoint",
                fix="have the identity provider publish https addresses, without user information or fragment",
            ) from error
        return document

    async def authorization_url(self, *, state: str, verifier: str, wishes: Mapping[str, str]) -> str:
        """Return where to send the browser (OIDC Core section 3.1.2.1), with PKCE S256 (RFC 7636)."""
        endpoint = (await self.metadata())["authorization_endpoint"]
        async with self._client() as client:
            url, _ = client.create_authorization_url(endpoint, state=state, code_verifier=verifier, **wishes)
        return str(url)

    async def exchange(self, code: str, *, verifier: str, redirect_uri: str) -> Mapping[str, Any]:
        """Return the token response for an authorization code."""
        return await self._tokens(
            grant_type="authorization_code", code=code, code_verifier=verifier, redirect_uri=redirect_uri
        )

    async def refresh(self, refresh_token: str) -> Mapping[str, Any]:
        """Return the token response for a refresh token; raises :class:`GrantEnded` where the provider ended it."""
        return await self._tokens(grant_type="refresh_token", refresh_token=refresh_token)

    async def _tokens(self, **form: str) -> Mapping[str, Any]:
        endpoint = (await self.metadata())["token_endpoint"]
        try:
            async with self._client() as client:
                tokens = await client.fetch_token(endpoint, **form)
        except OAuthError as error:
            if error.error == "invalid_grant":
                raise GrantEnded("the identity provider has ended this grant", fix="sign in again") from error
            raise Unavailable(
                "the identity provider refused our client",
                rule="provider-refused-client",
                fix="check client_id and client_secret in the settings against the provider's registration",
            ) from error
        except (httpx2.HTTPError, ValueError, RecursionError) as error:
            raise Unavailable(
                "the identity provider's token endpoint failed", rule="provider-unreachable", fix=_UNREACHABLE
            ) from error
        if not isinstance(tokens, dict) or str(tokens.get("token_type", "")).lower() != "bearer":
            raise SignInRefused(
                "the identity provider's token response has no bearer token",
                rule="token-response",
                fix="have the provider issue tokens of type Bearer to this client (RFC 6750)",
            )
        return tokens

    async def signed(self, token: object) -> Verified:
        """Return a token of this provider with a good signature; its claims are not checked."""
        return await verify(token, self._jwks, self.settings.algs)

    async def still_signs(self, verified: Verified) -> bool:
        """Tell whether the key that verified a token is still the one for it; raises ``TokenRefused`` without any."""
        return await self._jwks.key(verified.header.get("kid"), verified.header["alg"]) is verified.key

    async def id_token(
        self, tokens: Mapping[str, Any], *, nonce: str | None, max_age: int | None, not_before: float | None
    ) -> Mapping[str, Any]:
        """Return the checked claims of the id_token in a token response."""
        verified = await self.signed(tokens.get("id_token"))
        access_token = tokens.get("access_token")
        expected = check.Expected(
            issuer=self.settings.issuer,
            client_id=self.settings.client_id,
            now=self.clock().timestamp(),
            nonce=nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            max_age=max_age,
            not_before=not_before,
        )
        check.check_id_token(verified, expected)
        return verified.claims

"""Sign-ins: kept under ``state`` on the server until the browser comes back, once, within ten minutes."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from commands.ports.signin import Finished, Redirect, SignInRefused, TokenRefused
from domain.errors import NotFound
from infra.identity.evidence import Evidence, evidence_from
from infra.identity.provider import Clock, Provider
from infra.identity.tables import PENDING
from infra.records.port import Records, Transaction, Where, above, at_most
from infra.records.sealing import Sealer, digest

PENDING_S = 600
STEP_UP_MAX_AGE_S = 300
_COOKIE = "__Host-sslclm-signin-"  # the prefix keeps a neighbouring host from planting a sign-in of its own
_CODE_MAX = 4096
_TELLABLE = {
    "access_denied": "the sign-in was declined at the identity provider",
    "login_required": "the identity provider wants an interactive sign-in",
    "unmet_authentication_requirements": "the identity provider could not authenticate as strongly as asked for",
}


class OidcSignIn:
    """Authorization code flow with PKCE, state and nonce, at any of the configured providers (port ``SignIn``)."""

    def __init__(self, providers: Sequence[Provider], records: Records, sealer: Sealer, clock: Clock) -> None:
        self._providers = {provider.settings.name: provider for provider in providers}
        self._records = records
        self._sealer = sealer
        self._clock = clock

    def providers(self) -> tuple[str, ...]:
        """Return the names of the configured providers, in the order they are offered."""
        return tuple(self._providers)

    async def begin(
        self,
        provider: str,
        *,
        redirect_uri: str,
        step_up: str | None = None,
        max_age: int | None = None,
        carry: Mapping[str, str] | None = None,
    ) -> Redirect:
        """Begin a sign-in; see :class:`commands.ports.signin.SignIn`."""
        at = self._providers.get(provider)
        if at is None or redirect_uri != at.settings.redirect_uri:
            raise NotFound(
                "no such identity provider is configured",
                rule="unknown-provider",
                fix="choose one that is offered at /auth/login; its redirect_uri must be this server's in the settings",
            )
        state, verifier, nonce, cookie = (secrets.token_urlsafe(32) for _ in range(4))
        if step_up is not None:
            max_age = STEP_UP_MAX_AGE_S if max_age is None else min(max_age, STEP_UP_MAX_AGE_S)
        wishes = {"nonce": nonce, "redirect_uri": redirect_uri}
        if max_age is not None:
            wishes["max_age"] = str(max_age)
        if step_up is not None:
            wishes |= {"prompt": "login", **at.settings.step_up}
        url = await at.authorization_url(state=state, verifier=verifier, wishes=wishes)
        kept = {"provider": provider, "verifier": verifier, "nonce": nonce, "max_age": max_age, "step_up": step_up}
        self._keep(state, cookie, kept | {"carry": dict(carry or {}), "redirect_uri": redirect_uri})
        return Redirect(url, state, _cookie_name(state), cookie)

    def _keep(self, state: str, cookie: str, kept: dict[str, Any]) -> None:
        now, key = self._clock().timestamp(), digest(state)
        sealed = self._sealer.seal(json.dumps(kept | {"begun": now}).encode(), b"pending" + key)
        row = {"state": key, "cookie": digest(cookie), "expires": now + PENDING_S, "sealed": sealed}

        def note(tx: Transaction) -> None:
            tx.delete(PENDING, {"expires": at_most(now)})
            tx.insert(PENDING, row)

        self._records.transact(note)

    def _take(self, state: str, cookie: str) -> dict[str, Any]:
        key = digest(state)
        asked: Where = {"state": key, "cookie": digest(cookie), "expires": above(self._clock().timestamp())}
        rows = self._records.transact(lambda tx: tx.delete(PENDING, asked))
        plain = self._sealer.open(rows[0]["sealed"], b"pending" + key) if rows else None
        if plain is None:
            raise SignInRefused(
                "this sign-in was not begun in this browser, has been used, or is older than ten minutes",
                rule="sign-in-state",
                fix="begin the sign-in again",
            )
        kept: dict[str, Any] = json.loads(plain)
        return kept

    async def finish(self, params: Mapping[str, str], *, cookies: Mapping[str, str]) -> Finished:
        """Check the answer of the provider; see :class:`commands.ports.signin.SignIn`."""
        state = params.get("state", "")
        kept = self._take(state, cookies.get(_cookie_name(state), ""))
        provider = self._providers.get(kept["provider"])
        if provider is None:
            raise SignInRefused(
                "the identity provider is no longer configured",
                rule="unknown-provider",
                fix="begin again with a provider that is offered now",
            )
        await _check_callback(params, provider)
        try:
            evidence = await self._evidence(provider, params["code"], kept)
        except TokenRefused as error:
            raise SignInRefused(
                error.message, rule=error.rule, fix="sign in again; if it stays, tell an admin"
            ) from error
        return Finished(evidence, kept["step_up"], kept["carry"])

    async def _evidence(self, provider: Provider, code: str, kept: Mapping[str, Any]) -> Evidence:
        tokens = await provider.exchange(code, verifier=kept["verifier"], redirect_uri=kept["redirect_uri"])
        not_before = kept["begun"] if kept["step_up"] is not None else None
        claims = await provider.id_token(tokens, nonce=kept["nonce"], max_age=kept["max_age"], not_before=not_before)
        evidence = evidence_from(provider.settings, claims, tokens)
        if kept["step_up"] is not None and not evidence.mfa:
            raise SignInRefused(
                "the identity provider did not prove a second factor",
                rule="step-up-without-mfa",
                fix="sign in with your second factor",
            )
        return evidence


def _cookie_name(state: str) -> str:
    return _COOKIE + digest(state).hex()[:16]


async def _check_callback(params: Mapping[str, str], provider: Provider) -> None:
    """Refuse an answer of another provider (mix-up, RFC 9207) and one that is an error."""
    promised = (await provider.metadata()).get("authorization_response_iss_parameter_supported") is True
    issuer = params.get("iss")
    if (issuer is None and promised) or issuer not in (None, provider.settings.issuer):
        raise SignInRefused(
            "the answer came from another identity provider",
            rule="sign-in-issuer",
            fix="begin the sign-in again; if it stays, check the provider's issuer in the settings",
        )
    if "error" in params:
        reason = _TELLABLE.get(params["error"], "the identity provider refused the sign-in")
        raise SignInRefused(reason, rule="provider-refused", fix="try again, or ask who runs the identity provider")
    code = params.get("code", "")
    if not 0 < len(code) <= _CODE_MAX or not (code.isascii() and code.isprintable()):
        raise SignInRefused("the answer carries no code", rule="sign-in-code", fix="begin the sign-in again")

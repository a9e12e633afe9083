"""Signing out: on the person's wish, and when the provider says so (port ``SignOut``)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from urllib.parse import urlencode

from commands.ports.signin import Session, SignedOut
from domain.errors import Unavailable
from infra.identity.claims import LEEWAY_S, MAX_IAT_AGE_S, check_logout_token
from infra.identity.jose import refused, unverified_issuer
from infra.identity.provider import Provider
from infra.identity.sessions import StoredSessions
from infra.identity.tables import SEEN_JTI
from infra.records.port import Records, Transaction, at_most


class OidcSignOut:
    """RP-initiated logout and back-channel logout; a logout token is good once, in every process."""

    def __init__(self, sessions: StoredSessions, providers: Sequence[Provider], records: Records) -> None:
        self._sessions = sessions
        self._providers = tuple(providers)
        self._records = records

    async def leave(self, token: str, *, return_to: str) -> SignedOut:
        """End our session first, then say where the browser ends the provider's."""
        row = self._sessions.row(token)
        evidence = None if row is None else self._sessions.evidence(row)
        ended = self._sessions.end(token)
        provider = next((p for p in self._providers if evidence and p.settings.name == evidence.provider), None)
        if evidence is None or provider is None:
            return SignedOut(ended, None)
        try:
            endpoint = (await provider.metadata()).get("end_session_endpoint")
        except Unavailable:
            endpoint = None
        if not isinstance(endpoint, str):
            return SignedOut(ended, None)
        params = {"client_id": provider.settings.client_id, "post_logout_redirect_uri": return_to}
        params["state"] = secrets.token_urlsafe(16)
        if evidence.id_token is not None:
            params["id_token_hint"] = evidence.id_token.reveal().decode()
        return SignedOut(ended, f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(params)}")

    async def back_channel(self, logout_token: str) -> tuple[Session, ...]:
        """Check a logout token and end what it names: the session, or without one the person's sessions."""
        issuer = unverified_issuer(logout_token)
        provider = next((p for p in self._providers if p.settings.issuer == issuer), None)
        if provider is None:
            raise refused("its issuer is not configured", "token-iss")
        verified = await provider.signed(logout_token)
        now = provider.clock().timestamp()
        check_logout_token(verified, issuer, provider.settings.client_id, now)
        self._once(issuer, str(verified.claims["jti"]), now)
        if "sid" in verified.claims:
            return self._sessions.end_by_provider_sid(issuer, str(verified.claims["sid"]))
        return self._sessions.end_by_subject(issuer, str(verified.claims["sub"]))

    def _once(self, issuer: str, jti: str, now: float) -> None:
        row = {"issuer": issuer, "jti": jti, "expires": now + MAX_IAT_AGE_S + 2 * LEEWAY_S}

        def first(tx: Transaction) -> bool:
            tx.delete(SEEN_JTI, {"expires": at_most(now)})
            return tx.insert(SEEN_JTI, row)

        if not self._records.transact(first):
            raise refused("it was used before", "token-replayed")

"""Asks the provider at least every five minutes whether a session still stands (port ``Rechecks``)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from commands.ports.keystore import Secret
from commands.ports.signin import Session, SignInRefused, TokenRefused
from domain.errors import Unavailable
from infra.identity.evidence import Evidence, groups_from, renewed
from infra.identity.provider import GrantEnded, Provider
from infra.identity.sessions import StoredSessions

PAUSE_S = 30
"""Between two questions about one session; also how long a crashed process keeps others from asking."""


class SessionRechecks:
    """Uses the refresh token on the server; a refreshed token proves that the grant stands, never a second factor.

    One process asks at a time, because providers that rotate refresh tokens end a session whose token is used twice.
    """

    def __init__(self, sessions: StoredSessions, providers: Sequence[Provider]) -> None:
        self._sessions = sessions
        self._providers = {provider.settings.name: provider for provider in providers}
        self._running: dict[str, asyncio.Task[Session | None]] = {}

    async def recheck(self, token: str) -> Session | None:
        """Return the session as it stands after asking; None where the provider has ended it."""
        running = self._running.get(token)
        if running is None:
            running = asyncio.create_task(self._ask(token))
            self._running[token] = running
            running.add_done_callback(lambda _: self._running.pop(token, None))
        return await asyncio.shield(running)

    async def _ask(self, token: str) -> Session | None:
        row = self._sessions.row(token)
        evidence = None if row is None else self._sessions.evidence(row)
        if row is None or evidence is None:
            return None
        provider = self._providers.get(evidence.provider)
        if provider is None:
            self._sessions.end(token)
            return None
        if not self._sessions.claim_check(token, PAUSE_S):
            return self._sessions.get(token)
        try:
            self._sessions.replace(row, await _refreshed(provider, evidence))
        except Unavailable:
            self._sessions.degrade(token)
        except (SignInRefused, TokenRefused):
            self._sessions.end(token)
        return self._sessions.get(token)


async def _refreshed(provider: Provider, evidence: Evidence) -> Evidence:
    """Return the evidence with the groups of now. Raises as :class:`Provider` says, and for another person."""
    if evidence.refresh_token is None:
        raise Unavailable(
            "the provider gave no refresh token",
            rule="no-refresh-token",
            fix="allow refresh tokens for this client at the provider, then sign in again",
        )
    tokens = await provider.refresh(evidence.refresh_token.reveal().decode())
    groups = None
    if "id_token" in tokens:
        claims = await provider.id_token(tokens, nonce=None, max_age=None, not_before=None)
        if claims["sub"] != evidence.subject:
            raise GrantEnded(
                "the provider answered for another person",
                rule="refresh-person",
                fix="sign in again; if it stays, tell who runs the identity provider",
            )
        groups = groups_from(provider.settings, claims)
    fresh = tokens.get("refresh_token")
    secret = Secret(fresh.encode()) if isinstance(fresh, str) and fresh else None
    return renewed(evidence, groups=groups, refresh_token=secret)

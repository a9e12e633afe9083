"""Signing in and out, sessions, machine tokens: what the HTTP edge asks of the identity adapters.

People never have a password here: an identity provider says who they are (:class:`SignIn`), and a server-side session
(:class:`Sessions`) remembers it. Machines bring an access token with every call (:class:`MachineTokens`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from domain.access.session import EndReason
from domain.errors import Denied

SessionKind = Literal["browser", "cli"]


class SignInRefused(Denied):
    """What came back from the identity provider does not prove a sign-in; nothing was opened."""

    rule = "sign-in-refused"


class TokenRefused(Denied):
    """A bearer or logout token is not one that we may believe (answer 401, RFC 6750 ``invalid_token``)."""

    rule = "invalid-token"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person as the identity provider has just proven them to us, for one request of ours.

    (``issuer``, ``subject``) is the identity; name and e-mail are for display only. ``groups`` are exact values, full
    path. ``mfa`` is the verdict of the provider's rule on ``acr`` and ``amr``; ``auth_time`` is when the person really
    authenticated. ``provider_sid`` names the session at the provider, for its back-channel logout.
    """

    provider: str
    issuer: str
    subject: str
    display_name: str
    email: str
    groups: tuple[str, ...]
    acr: str
    amr: tuple[str, ...]
    mfa: bool
    auth_time: datetime | None
    provider_sid: str | None


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where to send the browser, and the cookie that ties the pending sign-in to it.

    Set the cookie ``HttpOnly; Secure; SameSite=Lax; Path=/; Max-Age=600``; each pending sign-in has its own, so several
    tabs do not disturb one another. Clear it when :meth:`SignIn.finish` has answered, either way.
    """

    url: str
    state: str
    cookie_name: str
    cookie_value: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A sign-in that came back, with what was asked for: ``step_up`` is the act, ``carry`` whatever begin was given."""

    signed_in: SignedIn
    step_up: str | None
    carry: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in person's session. ``id`` is public (audit, lists); the opaque token is never kept in clear.

    - ``degraded``: the provider could not confirm the session in time; withhold SEC_OPS and ADMIN.
    - ``due_for_recheck``: call :meth:`Rechecks.recheck` before answering.
    - ``fresh_for``: the one act that a step-up was made for, while it is at most 300 s old.
    - ``csrf_token``: to be echoed by every unsafe form of this session.
    """

    id: str
    kind: SessionKind
    signed_in: SignedIn
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    degraded: bool
    due_for_recheck: bool
    fresh_for: str | None
    csrf_token: str


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that is over, by its public ``id``, its person, and why it ended."""

    id: str
    issuer: str
    subject: str
    reason: EndReason


@dataclass(frozen=True, slots=True)
class MachineIdentity:
    """A pipeline or service, from an access token that was issued to itself for our API (client credentials)."""

    provider: str
    issuer: str
    subject: str
    client_id: str
    groups: tuple[str, ...]
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignedOut:
    """What a sign-out ended, and where the browser may go to end the provider's session too (None: nowhere)."""

    session: Session | None
    url: str | None


class SignIn(Protocol):
    """Sign-ins at an identity provider: redirect there, check what comes back."""

    def providers(self) -> tuple[str, ...]:
        """Return the names of the configured providers, in the order they are offered."""

    async def begin(
        self,
        provider: str,
        *,
        redirect_uri: str,
        step_up: str | None = None,
        max_age: int | None = None,
        carry: Mapping[str, str] | None = None,
    ) -> Redirect:
        """Begin a sign-in; with ``step_up`` a new multi-factor authentication for that one act.

        ``max_age`` is in seconds (OIDC Core section 3.1.2.1). ``carry`` is kept on the server, never in the URL.
        Raises :class:`domain.errors.NotFound` for a provider that is not configured and
        :class:`domain.errors.Unavailable` while its discovery document cannot be had.
        """

    async def finish(self, params: Mapping[str, str], *, cookies: Mapping[str, str]) -> Finished:
        """Check the answer of the provider: one use, within 10 minutes, in the browser that began.

        ``params`` is the callback's query, without repeated names (the edge refuses those). Raises
        :class:`SignInRefused` and :class:`domain.errors.Unavailable`.
        """


class Sessions(Protocol):
    """Server-side sessions: 30 minutes idle, 8 hours absolute; tokens are stored as SHA-256 only."""

    def create(self, signed_in: SignedIn, kind: SessionKind = "browser") -> tuple[str, Session]:
        """Open a session under a new token and return both; the token is to be seen by its holder only."""

    def get(self, token: str) -> Session | None:
        """Return the live session of a token and note that it was used; None for anything else."""

    def end(self, token: str) -> Session | None:
        """End a session; returns what was ended, None where there was none."""

    def end_by_provider_sid(self, issuer: str, sid: str) -> tuple[Session, ...]:
        """End every session that came from one session at the provider; returns what was ended."""

    def end_by_subject(self, issuer: str, subject: str) -> tuple[Session, ...]:
        """End every session of one person; returns what was ended."""

    def note_step_up(self, token: str, signed_in: SignedIn, act: str) -> Session:
        """Bind a step-up to one act of this session for 300 s, and take over the newer evidence.

        Raises :class:`SignInRefused` where the session is gone or somebody else signed in, and
        :class:`domain.errors.StepUpRequired` where the evidence is not multi-factor or not fresh.
        """

    def spend_step_up(self, token: str, act: str) -> bool:
        """Use up the step-up of an act: True exactly once, and only while it is fresh."""

    def timed_out(self, limit: int) -> tuple[EndedSession, ...]:
        """Return up to ``limit`` sessions that are over by time, oldest first, as ``idle`` or ``expired``.

        They are never answered by :meth:`get` again. Record the end of each, then :meth:`forget` them.
        """

    def forget(self, ended: Iterable[EndedSession]) -> None:
        """Remove what :meth:`timed_out` returned; what is gone already is no error."""


class Rechecks(Protocol):
    """Asks the provider whether a session still stands."""

    async def recheck(self, token: str) -> Session | None:
        """Return the session as it stands after asking; None where the provider has ended it."""


class SignOut(Protocol):
    """Ends sessions: on the person's wish, and on the provider's (OIDC Back-Channel Logout 1.0)."""

    async def leave(self, token: str, *, return_to: str) -> SignedOut:
        """End our session and build the provider's logout address (OIDC RP-Initiated Logout 1.0)."""

    async def back_channel(self, logout_token: str) -> tuple[Session, ...]:
        """Check a logout token and end what it names. Raises :class:`TokenRefused`."""


class MachineTokens(Protocol):
    """Access tokens of machines, for our API's audience only."""

    async def verify(self, token: str) -> MachineIdentity:
        """Return who the token was issued to. Raises :class:`TokenRefused`."""


class CliCodes(Protocol):
    """One-time codes that hand a finished sign-in from the browser to the command line (as RFC 8252, RFC 7636)."""

    def issue(self, signed_in: SignedIn, *, code_challenge: str, redirect_uri: str, step_up: str | None = None) -> str:
        """Return a code, good once within 60 s. ``redirect_uri`` must be http on a loopback address literal.

        ``code_challenge`` is S256; ``step_up``: the sign-in was made for this one act, and opens no session. Raises
        :class:`domain.errors.InvalidInput`.
        """

    def redeem(self, code: str, *, code_verifier: str, redirect_uri: str) -> str:
        """Return the token of a new session of kind ``cli``. Raises :class:`TokenRefused`; the code is burnt."""

    def redeem_step_up(self, code: str, *, code_verifier: str, redirect_uri: str) -> tuple[SignedIn, str]:
        """Return who signed in for which act. Raises :class:`TokenRefused`; the code is burnt."""

"""From a request to who is calling: a browser session, a command-line session, or a machine's access token.

Roles are looked up with every request, in the grants at the head of the ledger: a withdrawn grant is gone at once.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from fastapi import Request

from api.edge import Edge
from api.ports import EndedSession, Session
from api.safeguard import correlation_id
from commands.access import rights, session_ends
from commands.context import Authentication, Principal
from domain.access.session import EndReason
from domain.errors import Denied, Unauthenticated, Unavailable

COOKIE = "__Host-sslclm"
CSRF_HEADER = "X-CSRF-Token"
_JWT_DOTS = 2
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TOKEN_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling; ``session`` and its token are None for a machine."""

    principal: Principal
    session: Session | None = None
    token: str | None = None


def session_stream(session: Session) -> str:
    """Return the ledger's id of a session."""
    return session_ends.session_stream(session.id)


def bearer_token(request: Request) -> str | None:
    """Return the token of the ``Authorization`` header (RFC 6750 section 2.1), None where there is none."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not 0 < len(token) <= _TOKEN_MAX or not token.isascii():
        raise Unauthenticated("the Authorization header is not a bearer token", fix="send: Authorization: Bearer …")
    return token


async def identify(edge: Edge, request: Request) -> Caller:
    """Return who is calling.

    Whether they hold any role is the next question (:func:`no_role`). Raises Unauthenticated where nobody proves to be
    anybody, :class:`api.ports.TokenRefused` for a machine's token that is not good, and Denied where a browser's unsafe
    call lacks the CSRF token.
    """
    token = bearer_token(request)
    if token is not None and token.count(".") == _JWT_DOTS:
        return Caller(await _machine(edge, token))
    kind = "cli" if token is not None else "browser"
    token = token or request.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated("nobody is signed in", fix="sign in: in a browser at /auth/login, or with: sslclm login")
    session = await live_session(edge, token, correlation_id(request.scope))
    if session is None or session.kind != kind:
        raise Unauthenticated("the session is over", rule="session-ended", fix="sign in again")
    if kind == "browser" and request.method in _UNSAFE:
        check_csrf(session, request.headers.get(CSRF_HEADER, ""))
    return Caller(_person(edge, session), session, token)


async def live_session(edge: Edge, token: str, correlation: str) -> Session | None:
    """Return the session of a token, asked about at the identity provider when that is due."""
    session = edge.identity.sessions.get(token)
    if session is None or not session.due_for_recheck:
        return session
    checked = await edge.identity.rechecks.recheck(token)
    if checked is None:
        await note_ended(edge, session, "provider-refused", correlation)
    return checked


async def reconfirmed(edge: Edge, request: Request, caller: Caller) -> Principal:
    """Return who is calling, once the provider has said that the session still stands, however lately it was asked.

    A machine has no session: it is refused by whoever decides. Raises Unauthenticated where it does not stand, and
    Unavailable where the provider cannot say.
    """
    if caller.session is None or caller.token is None:
        return caller.principal
    checked = await edge.identity.rechecks.recheck(caller.token)
    if checked is None:
        await note_ended(edge, caller.session, "provider-refused", correlation_id(request.scope))
        raise Unauthenticated("the session is over", rule="session-ended", fix="sign in again")
    if checked.degraded:
        raise Unavailable(
            "the identity provider cannot confirm your session now", rule="session-unconfirmed", fix="try again later"
        )
    return _person(edge, checked)


async def note_ended(edge: Edge, session: Session, reason: EndReason, correlation: str) -> None:
    """Record the end of a session on behalf of its person."""
    ended = EndedSession(session.id, session.signed_in.issuer, session.signed_in.subject, reason)
    await session_ends.note_ended(edge.bus, edge.identity.directory, ended, correlation)


def check_csrf(session: Session, given: str) -> None:
    """Raise Denied unless a browser's unsafe call carries its session's own CSRF token."""
    if not hmac.compare_digest(session.csrf_token.encode(), given.encode()):
        raise Denied("the CSRF token is missing or not of this session", rule="csrf", fix=f"send {CSRF_HEADER}")


def _person(edge: Edge, session: Session) -> Principal:
    who = session.signed_in
    pseudonym = edge.identity.directory.pseudonym(who.issuer, who.subject)
    held = edge.identity.grants.held(who.provider, "group", who.groups)
    proof = Authentication(
        "oidc-session", mfa=who.mfa, at=who.auth_time, session=session_stream(session), fresh_for=session.fresh_for
    )
    return rights.person(pseudonym, held, proof, confirmed=not session.degraded)


async def _machine(edge: Edge, token: str) -> Principal:
    who = await edge.identity.machine_tokens.verify(token)
    grants = edge.identity.grants
    held = (*grants.held(who.provider, "client", (who.client_id,)), *grants.held(who.provider, "group", who.groups))
    pseudonym = edge.identity.directory.pseudonym(who.issuer, who.subject, display_name=who.client_id)
    return rights.machine(pseudonym, held, Authentication("client-credentials"))


def no_role() -> Denied:
    """Return the refusal of somebody who is known and holds nothing."""
    return Denied(
        "you are signed in, but no role is granted to you, or yours need a second factor that was not proven",
        rule="no-role",
        fix="sign in with your second factor, or ask an administrator to grant a role to one of your groups",
    )

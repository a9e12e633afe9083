"""Signing in and out: browsers get a cookie, the command line a token through a one-time code; never a password.

::

    browser ─▶ /auth/login ─▶ identity provider ─▶ /auth/callback ─▶ cookie
    sslclm  ─▶ browser ─▶ /auth/cli ─▶ identity provider ─▶ /auth/callback ─▶ http://127.0.0.1:<port>/?code ─▶ sslclm
    sslclm  ─▶ /auth/cli/token (code, PKCE verifier) ─▶ session token
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from api.attempts import Attempts
from api.calls import Body, read_body, read_json
from api.edge import Edge
from api.openapi import reads
from api.origin import origin_of
from api.pages import leaving_page
from api.ports import Session, SignedIn, SignInRefused, TokenRefused
from api.principals import COOKIE, bearer_token, check_csrf, note_ended, session_stream
from api.problems import BadCall
from api.safeguard import correlation_id
from commands.access.sessions import OpenSession
from commands.context import SYSTEM, Context
from domain.base import Timestamp
from domain.errors import InvalidInput, Unauthenticated

ROUTER = APIRouter(prefix="/auth", tags=["signing in"])
_FORM = "application/x-www-form-urlencoded"
_SMALL = 64 * 1024
_COOKIE_FLAGS = "Path=/; Secure; HttpOnly; SameSite=Lax"
_LOCAL_PATH = r"^/([!-.0-\[\]-~][!-\[\]-~]*)?$"  # a path of ours: never //host, no backslash
_ACT = r"^reveal:reveal-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
"""The acts that a step-up can be made for."""
_LOOPBACK = r"^http://(127\.0\.0\.1|\[::1\]):[1-9][0-9]{0,4}(/[A-Za-z0-9._~/-]*)?$"


class LoginQuery(Body):
    """Where to sign in (default: the first provider), and where to go afterwards: a path of this backend.

    ``step_up``: a new sign-in with the second factor, for this one act of the session that is there.
    """

    provider: str | None = Field(default=None, max_length=64)
    step_up: str | None = Field(default=None, pattern=_ACT)
    return_to: str = Field(default="/", max_length=1_024, pattern=_LOCAL_PATH)


class CliQuery(Body):
    """A command line that waits on a port of its own machine (RFC 8252 section 7.3), with PKCE S256."""

    redirect_uri: str = Field(max_length=255, pattern=_LOOPBACK)
    code_challenge: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")
    state: str = Field(pattern=r"^[A-Za-z0-9._~-]{1,255}$")
    provider: str | None = Field(default=None, max_length=64)
    step_up: str | None = Field(default=None, pattern=_ACT)


class CliCode(Body):
    """The code from the loopback redirect, with the PKCE verifier that the challenge was made of."""

    code: str = Field(max_length=255)
    code_verifier: str = Field(max_length=128)
    redirect_uri: str = Field(max_length=255)


class CliToken(BaseModel):
    """A session's token: send it as ``Authorization: Bearer …``."""

    token: str
    expires_at: Timestamp


async def not_too_often(request: Request) -> None:
    """Refuse an address that signs in too often, before a provider is asked or a token looked up; raises TooMany."""
    edge: Edge = request.app.state.edge
    attempts: Attempts = request.app.state.sign_ins
    attempts.count(origin_of(request)["client_address"], edge.clock())


_COUNTED = [Depends(not_too_often)]


@ROUTER.get("/login", response_class=Response, status_code=303, dependencies=_COUNTED)
async def login(request: Request, query: Annotated[LoginQuery, Query()]) -> Response:
    """Go to the identity provider."""
    return await _begin(request, query.provider, {"return_to": query.return_to}, query.step_up)


@ROUTER.get("/cli", response_class=Response, status_code=303, dependencies=_COUNTED)
async def cli(request: Request, query: Annotated[CliQuery, Query()]) -> Response:
    """Go to the identity provider on behalf of a command line on the browser's own machine."""
    return await _begin(request, query.provider, query.model_dump(exclude={"provider", "step_up"}), query.step_up)


async def _begin(request: Request, provider: str | None, carry: dict[str, str], step_up: str | None) -> Response:
    edge: Edge = request.app.state.edge
    chosen = provider or next(iter(edge.identity.sign_in.providers()), "")
    callback = f"{edge.public_url}/auth/callback"
    redirect = await edge.identity.sign_in.begin(chosen, redirect_uri=callback, step_up=step_up, carry=carry)
    response = Response(status_code=303, headers={"Location": redirect.url})
    _set_cookie(response, redirect.cookie_name, redirect.cookie_value, max_age=600)
    return response


@ROUTER.get("/callback", response_class=Response, status_code=303, dependencies=_COUNTED)
async def callback(request: Request) -> Response:
    """Take what the identity provider answers: open a session, or note a step-up of the one that is there."""
    edge: Edge = request.app.state.edge
    params = request.query_params
    if len(params.multi_items()) != len(params):
        raise SignInRefused("the answer names something twice", rule="sign-in-state", fix="begin the sign-in again")
    finished = await edge.identity.sign_in.finish(dict(params), cookies=request.cookies)
    carry = finished.carry
    if "code_challenge" in carry:
        code = edge.identity.cli_codes.issue(
            finished.signed_in,
            code_challenge=carry["code_challenge"],
            redirect_uri=carry["redirect_uri"],
            step_up=finished.step_up,
        )
        target = f"{carry['redirect_uri']}?{urlencode({'code': code, 'state': carry['state']})}"
        return Response(status_code=303, headers={"Location": target})
    response = Response(status_code=303, headers={"Location": carry.get("return_to", "/")})
    if finished.step_up is not None:
        edge.identity.sessions.note_step_up(request.cookies.get(COOKIE, ""), finished.signed_in, finished.step_up)
        return response
    token = await _open(edge, request, finished.signed_in)
    _set_cookie(response, COOKIE, token)
    return response


@ROUTER.post("/cli/token", dependencies=_COUNTED, response_model=CliToken, openapi_extra=reads(CliCode))
async def cli_token(request: Request) -> Response:
    """Give the command line its session token for the one-time code."""
    edge: Edge = request.app.state.edge
    sent = read_json(CliCode, await read_body(request, "application/json", _SMALL))
    identity = edge.identity
    token = identity.cli_codes.redeem(sent.code, code_verifier=sent.code_verifier, redirect_uri=sent.redirect_uri)
    session = identity.sessions.get(token)
    if session is None:
        raise TokenRefused("the session is over already", fix="sign in again")
    await _note_opened(edge, request, session)
    answer = CliToken(token=token, expires_at=session.expires_at)
    return Response(answer.model_dump_json(), media_type="application/json")


@ROUTER.post("/cli/step-up", response_class=Response, status_code=204, openapi_extra=reads(CliCode))
async def cli_step_up(request: Request) -> Response:
    """Bind a step-up that was made for the command line to its session, for the one act that it was made for."""
    edge: Edge = request.app.state.edge
    sent = read_json(CliCode, await read_body(request, "application/json", _SMALL))
    codes = edge.identity.cli_codes
    who, act = codes.redeem_step_up(sent.code, code_verifier=sent.code_verifier, redirect_uri=sent.redirect_uri)
    edge.identity.sessions.note_step_up(bearer_token(request) or "", who, act)
    return Response(status_code=204)


@ROUTER.post("/cli/logout", response_class=Response, status_code=204)
async def cli_logout(request: Request) -> Response:
    """End the command line's session."""
    edge: Edge = request.app.state.edge
    ended = edge.identity.sessions.end(bearer_token(request) or "")
    if ended is None:
        raise Unauthenticated("the session is over already", rule="session-ended", fix="nothing is left to do")
    await note_ended(edge, ended, "signed-out", correlation_id(request.scope))
    return Response(status_code=204)


@ROUTER.post("/logout", response_class=Response)
async def logout(request: Request) -> Response:
    """End the browser's session, then let the browser end the provider's."""
    edge: Edge = request.app.state.edge
    token = request.cookies.get(COOKIE, "")
    session = edge.identity.sessions.get(token)
    if session is None:
        raise Unauthenticated("nobody is signed in", rule="session-ended", fix="nothing is left to do")
    form = await _form(request)
    check_csrf(session, request.headers.get("x-csrf-token") or form.get("csrf_token", ""))
    out = await edge.identity.sign_out.leave(token, return_to=f"{edge.public_url}/")
    if out.session is not None:
        await note_ended(edge, out.session, "signed-out", correlation_id(request.scope))
    response = leaving_page(out.url or "/")
    _set_cookie(response, COOKIE, "", max_age=0)
    return response


@ROUTER.post("/backchannel-logout", response_class=Response)
async def backchannel_logout(request: Request) -> Response:
    """End the sessions that a provider's logout token names (OIDC Back-Channel Logout 1.0 section 2.5)."""
    edge: Edge = request.app.state.edge
    try:
        ended = await edge.identity.sign_out.back_channel((await _form(request)).get("logout_token", ""))
    except TokenRefused as refusal:
        raise BadCall(refusal.message, rule=refusal.rule, fix=refusal.fix) from None
    for session in ended:
        await note_ended(edge, session, "provider-ended", correlation_id(request.scope))
    return Response(status_code=200)


async def _open(edge: Edge, request: Request, signed_in: SignedIn) -> str:
    """Open a browser's session under a new token; the one it had before ends (no session fixation)."""
    former = edge.identity.sessions.end(request.cookies.get(COOKIE, ""))
    if former is not None:
        await note_ended(edge, former, "signed-out", correlation_id(request.scope))
    token, session = edge.identity.sessions.create(signed_in, "browser")
    await _note_opened(edge, request, session)
    return token


async def _note_opened(edge: Edge, request: Request, session: Session) -> None:
    """Record a sign-in on behalf of its person; what is shown of them goes to the erasable directory."""
    who = session.signed_in
    shown = {"display_name": who.display_name, "email": who.email}
    pseudonym = edge.identity.directory.pseudonym(who.issuer, who.subject, **shown)
    context = Context(SYSTEM, correlation_id(request.scope), purpose="session", on_behalf_of=pseudonym)
    command = OpenSession(
        session_id=session_stream(session),
        principal=pseudonym,
        provider=who.provider,
        kind=session.kind,
        mfa=who.mfa,
        acr=who.acr or None,
        amr=who.amr,
    )
    await edge.bus.execute(command, context)


async def _form(request: Request) -> dict[str, str]:
    body = await read_body(request, _FORM, _SMALL)
    try:
        pairs = parse_qsl(body.decode("ascii"), max_num_fields=20, strict_parsing=bool(body))
    except ValueError:
        raise InvalidInput("the form cannot be read", rule="form", fix=f"send {_FORM}") from None
    return dict(pairs)


def _set_cookie(response: Response, name: str, value: str, *, max_age: int | None = None) -> None:
    age = "" if max_age is None else f"; Max-Age={max_age}"
    response.headers.append("Set-Cookie", f"{name}={value}; {_COOKIE_FLAGS}{age}")

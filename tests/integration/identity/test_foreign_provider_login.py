"""The same sign-in against an OpenID provider that we did not write: npm's oidc-provider, as a process."""

from __future__ import annotations

import asyncio
import re
import socket
from datetime import UTC, datetime
from urllib.parse import parse_qs

import httpx2
import pytest
from pydantic import SecretStr

from commands.ports.signin import SignInRefused
from infra.identity.settings import MfaRule, ProviderSettings
from infra.identity.tables import SESSION
from infra.identity.wiring import identity
from tests.support.identity import identity_records, query_of, sealer
from tests.support.oidc_provider import running

CALLBACK = "http://127.0.0.1:1/auth/callback"
BYE = "http://127.0.0.1:1/bye"
AUDIENCE = "urn:sslclm:api"
SECRET = "a secret of both: with colon & plus+"
GROUPS = {"olga": ["/sslclm/sec-ops"], "ci-shop": ["/teams/shop/pipelines"]}


@pytest.fixture(scope="module")
def ear():
    """Return a listening socket, where the provider posts logout tokens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture(scope="module")
def issuer(ear):
    """Run the provider for this module."""
    given = {"redirectUri": CALLBACK, "afterLogout": BYE, "secret": SECRET, "audience": AUDIENCE, "groups": GROUPS}
    with running(given | {"backChannel": f"http://127.0.0.1:{ear.getsockname()[1]}/logout"}) as address:
        yield address


@pytest.fixture
def side(issuer, tmp_path):
    """Return the identity adapters, configured for that provider."""
    settings = ProviderSettings(
        name="foreign",
        issuer=issuer,
        client_id="sslclm-web",
        client_secret=SecretStr(SECRET),
        redirect_uri=CALLBACK,
        scopes=("openid", "profile", "email", "groups"),
        algs=("ES256",),
        mfa=MfaRule(acr=frozenset({"mfa"}), amr_all=(frozenset({"pwd", "otp"}),)),
        step_up={"acr_values": "mfa"},
        api_audience=AUDIENCE,
        development=True,
    )
    made = identity(
        [settings], records=identity_records(tmp_path / "i.sqlite"), sealer=sealer(), clock=lambda: datetime.now(UTC)
    )
    yield made
    made.records.close()


@pytest.fixture
async def browser(issuer):
    """Return a browser at that provider."""
    async with httpx2.AsyncClient(trust_env=False, base_url=issuer) as client:
        yield client


async def _walk(browser, url, user, factor):
    """Follow the provider's redirects, sign in where it asks; returns the callback it ends at."""
    for _ in range(8):
        answer = await browser.get(url)
        if answer.status_code == 200:
            answer = await browser.post(url, data={"user": user, "factor": factor})
        url = answer.headers["location"]
        if url.startswith(CALLBACK):
            return query_of(url)
    raise AssertionError(f"never came back, stuck at {url}")


async def _sign_in(side, browser, *, factor="yes", **wishes):
    redirect = await side.sign_in.begin("foreign", redirect_uri=CALLBACK, **wishes)
    params = await _walk(browser, redirect.url, "olga", factor)
    return await side.sign_in.finish(params, cookies={redirect.cookie_name: redirect.cookie_value})


async def test_round_trip(side, browser):
    """Code flow, PKCE, nonce, RFC 9207, ES256, at_hash, acr, amr, auth_time, sid, groups: all from somebody else."""
    person = (await _sign_in(side, browser)).signed_in

    assert (person.subject, person.display_name, person.email) == ("olga", "User olga", "olga@example.org")
    assert (person.acr, person.amr, person.mfa) == ("mfa", ("pwd", "otp"), True)
    assert person.groups == ("/sslclm/sec-ops",)
    assert person.provider_sid
    assert person.auth_time is not None


async def test_step_up(side, browser):
    """Signed in with a password, the step-up asks anew; with a password again it is refused by us."""
    first = await _sign_in(side, browser, factor="no")
    token, _ = side.sessions.create(first.signed_in)
    with pytest.raises(SignInRefused, match="second factor"):
        await _sign_in(side, browser, factor="no", step_up="reveal:key-1")
    again = await _sign_in(side, browser, step_up="reveal:key-1")

    assert not first.signed_in.mfa
    assert side.sessions.note_step_up(token, again.signed_in, "reveal:key-1").fresh_for == "reveal:key-1"


async def test_recheck_and_revocation(side, browser, issuer):
    """Rotated refresh tokens keep the session; once the provider's grant is revoked it ends."""
    token, _ = side.sessions.create((await _sign_in(side, browser)).signed_in)
    session = await side.rechecks.recheck(token)
    refresh = side.sessions.evidence(side.sessions.row(token)).refresh_token.reveal().decode()
    auth = ("sslclm-web", "a+secret+of+both%3A+with+colon+%26+plus%2B")
    revoked = await browser.post(f"{issuer}/token/revocation", data={"token": refresh}, auth=auth)
    side.records.transact(lambda tx: tx.update(SESSION, {}, {"asked": 0.0}))

    assert session is not None
    assert not session.degraded
    assert revoked.status_code == 200
    assert await side.rechecks.recheck(token) is None


async def test_machine_token(side, browser):
    """A pipeline's JWT access token (RFC 9068) of that provider is known by client and groups."""
    auth = ("ci-shop", "a+secret+of+both%3A+with+colon+%26+plus%2B")
    answer = await browser.post("/token", data={"grant_type": "client_credentials", "scope": "sslclm"}, auth=auth)
    machine = await side.machine_tokens.verify(answer.json()["access_token"])

    assert (machine.client_id, machine.groups, machine.scopes) == ("ci-shop", tuple(GROUPS["ci-shop"]), ("sslclm",))


async def test_sign_out_and_back_channel(side, browser, ear):
    """RP-initiated logout is accepted, and the logout token it posts to us is checked and ends the other session."""
    person = (await _sign_in(side, browser)).signed_in
    leaving, _ = side.sessions.create(person)
    other, _ = side.sessions.create(person)
    page = await browser.get((await side.sign_out.leave(leaving, return_to=BYE)).url)
    field = re.search(r'name="xsrf" value="([^"]+)"', page.text).group(1)
    confirming = asyncio.create_task(browser.post("/session/end/confirm", data={"xsrf": field, "logout": "yes"}))
    logout_token = await _posted(ear)
    confirmed = await confirming

    assert confirmed.headers["location"].startswith(BYE)
    assert side.sessions.get(other) is not None
    assert len(await side.sign_out.back_channel(logout_token)) == 1
    assert side.sessions.get(other) is None


async def _posted(ear):
    """Answer one POST on the socket; returns the logout token in it."""
    done = asyncio.get_running_loop().create_future()

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower()).group(1))
        done.set_result(parse_qs((await reader.readexactly(length)).decode())["logout_token"][0])
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, sock=ear.dup())
    token = await asyncio.wait_for(done, 10)
    server.close()
    await server.wait_closed()
    return token

"""The whole code flow against the development provider, over a real socket."""

from __future__ import annotations

import logging

import httpx2
import pytest

from commands.ports.signin import SignInRefused, TokenRefused
from infra.identity.tables import SESSION
from tests.support.identity import choose, query_of, sign_in

CALLBACK = "http://127.0.0.1:1/auth/callback"


async def test_round_trip(side, browser):
    """A person signs in and gets a session with exactly what the provider said."""
    finished = await sign_in(side.sign_in, browser, "sec-olga", redirect_uri=CALLBACK, carry={"return_to": "/keys"})
    token, session = side.sessions.create(finished.signed_in)

    assert finished.carry == {"return_to": "/keys"}
    assert side.sessions.get(token) == session
    assert (session.signed_in.subject, session.signed_in.groups) == ("sec-olga", ("/sslclm/sec-ops",))
    assert (session.signed_in.acr, session.signed_in.amr, session.signed_in.mfa) == ("mfa", ("pwd", "otp"), True)


async def test_password_only_is_no_mfa(side, browser):
    """A password alone signs in, and proves no second factor."""
    finished = await sign_in(side.sign_in, browser, "adam", redirect_uri=CALLBACK, second_factor=False)

    assert not finished.signed_in.mfa


async def test_step_up_demands_a_new_second_factor(side, browser):
    """A step-up asks again although the browser is signed in, binds to its act, and is spent once."""
    first = await sign_in(side.sign_in, browser, "adam", redirect_uri=CALLBACK, second_factor=False)
    token, _ = side.sessions.create(first.signed_in)
    again = await sign_in(side.sign_in, browser, "adam", redirect_uri=CALLBACK, step_up="reveal:key-1")
    session = side.sessions.note_step_up(token, again.signed_in, again.step_up)

    assert session.fresh_for == "reveal:key-1"
    assert session.signed_in.mfa
    assert not side.sessions.spend_step_up(token, "reveal:key-2")
    assert side.sessions.spend_step_up(token, "reveal:key-1")
    assert not side.sessions.spend_step_up(token, "reveal:key-1")


async def test_step_up_with_password_only_is_refused(side, browser):
    """The provider says that it cannot, and we tell that."""
    with pytest.raises(SignInRefused, match="strongly"):
        await sign_in(side.sign_in, browser, "adam", redirect_uri=CALLBACK, second_factor=False, step_up="break-glass")


async def test_single_sign_on_asks_nobody(side, browser):
    """A browser that is signed in at the provider comes back without a page."""
    await sign_in(side.sign_in, browser, "vera", redirect_uri=CALLBACK)
    redirect = await side.sign_in.begin("development", redirect_uri=CALLBACK)
    answer = await browser.get(redirect.url)
    back = query_of(answer.headers["location"])
    finished = await side.sign_in.finish(back, cookies={redirect.cookie_name: redirect.cookie_value})

    assert finished.signed_in.subject == "vera"


async def test_two_tabs_at_once(side, browser):
    """Two pending sign-ins of one browser do not disturb one another, in either order."""
    one, two = [await side.sign_in.begin("development", redirect_uri=CALLBACK) for _ in range(2)]
    cookies = {redirect.cookie_name: redirect.cookie_value for redirect in (one, two)}
    back = {redirect.state: await choose(browser, redirect, "vera") for redirect in (one, two)}

    for redirect in (two, one):
        finished = await side.sign_in.finish(query_of(back[redirect.state]), cookies=cookies)
        assert finished.signed_in.subject == "vera"


async def test_recheck_renews_and_then_ends(dev, side, browser):
    """A session stands while the refresh token works, and ends with the person."""
    finished = await sign_in(side.sign_in, browser, "dev-anna", redirect_uri=CALLBACK)
    token, _ = side.sessions.create(finished.signed_in)
    session = await side.rechecks.recheck(token)
    dev.realm.store.disabled.add("dev-anna")
    side.records.transact(lambda tx: tx.update(SESSION, {}, {"asked": 0.0}))

    assert session is not None
    assert not session.degraded
    assert await side.rechecks.recheck(token) is None
    assert side.sessions.get(token) is None


async def test_sign_out_ends_both_sessions(side, browser):
    """Leaving ends our session and, by redirect, the provider's: its page asks again."""
    finished = await sign_in(side.sign_in, browser, "vera", redirect_uri=CALLBACK)
    token, _ = side.sessions.create(finished.signed_in)
    left = await side.sign_out.leave(token, return_to="http://127.0.0.1:1/bye")
    answer = await browser.get(left.url)
    page = await browser.get((await side.sign_in.begin("development", redirect_uri=CALLBACK)).url)

    assert side.sessions.get(token) is None
    assert answer.headers["location"].startswith("http://127.0.0.1:1/bye?state=")
    assert "Who are you today?" in page.text


async def test_back_channel_logout_ends_the_session_once(dev, side, browser):
    """A logout token of the provider ends the sessions of its sid; the same token again is refused."""
    finished = await sign_in(side.sign_in, browser, "vera", redirect_uri=CALLBACK)
    _, session = side.sessions.create(finished.signed_in)
    login = next(iter(dev.realm.store.logins.values()))
    logout_token = dev.realm.signer.logout_token(login, "sslclm-web")

    assert [ended.id for ended in await side.sign_out.back_channel(logout_token)] == [session.id]
    with pytest.raises(TokenRefused, match="used before"):
        await side.sign_out.back_channel(logout_token)


async def test_machine_token(dev, side):
    """A pipeline fetches a token with its secret and is known by client and groups."""
    token = await _machine_token(dev, "ci-shop")
    machine = await side.machine_tokens.verify(token)

    assert (machine.client_id, machine.groups) == ("ci-shop", ("/teams/shop/pipelines",))


async def _machine_token(dev, client_id):
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{dev.realm.issuer}/token",
            data={"grant_type": "client_credentials"},
            auth=(client_id, dev.realm.machine_secrets[client_id]),
        )
    return answer.json()["access_token"]


async def test_nothing_secret_is_logged(dev, side, browser, caplog):
    """At the loudest level no log line holds a code, a verifier, a token or the client secret."""
    caplog.set_level(logging.DEBUG)
    redirect = await side.sign_in.begin("development", redirect_uri=CALLBACK)
    back = query_of(await choose(browser, redirect, "vera"))
    caplog.clear()  # the browser is not ours: its log may hold what it was sent
    finished = await side.sign_in.finish(back, cookies={redirect.cookie_name: redirect.cookie_value})
    token, _ = side.sessions.create(finished.signed_in)
    held = side.sessions.evidence(side.sessions.row(token))
    secrets = [token, back["code"], redirect.cookie_value, dev.realm.client.secret]
    secrets += [held.refresh_token.reveal().decode(), held.id_token.reveal().decode()]

    assert [secret for secret in secrets if secret in caplog.text] == []
    assert "***" in repr(held) or "refresh_token" not in repr(held)

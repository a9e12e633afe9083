"""Signing in and out through HTTP: cookies for browsers, codes for the command line, the end of sessions."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LOOPBACK = "http://127.0.0.1:54321/callback"
CLI = {"redirect_uri": LOOPBACK, "code_challenge": CHALLENGE, "state": "st"}


def cookies_of(answer):
    """Return name -> whole Set-Cookie line."""
    return {line.partition("=")[0]: line for line in answer.headers.get_list("set-cookie")}


async def arrive(client, began):
    """Come back from the provider with the pending sign-in's cookie."""
    state = parse_qs(urlsplit(began.headers["location"]).query)["state"][0]
    name, line = next(iter(cookies_of(began).items()))
    cookie = line.partition(";")[0]
    assert name.startswith("__Host-sslclm-signin-")
    return await client.get("/auth/callback", params={"state": state, "code": "c"}, headers={"Cookie": cookie})


async def test_a_browser_signs_in_and_out(lab):
    """The cookie is __Host-, HttpOnly, Secure and Lax; sign-in and sign-out are events on behalf of the person."""
    head = lab.position()
    async with lab.client() as browser:
        began = await browser.get("/auth/login", params={"provider": "development", "return_to": "/problems"})
        arrived = await arrive(browser, began)
        line = cookies_of(arrived)["__Host-sslclm"]
        session = {"Cookie": line.partition(";")[0]}
        me = (await browser.get("/api/v1/me", headers=session)).json()
        front = await browser.get("/", headers=session)
        form = {"csrf_token": me["csrf_token"]}
        left = await browser.post("/auth/logout", data=form, headers=session)
        gone = await browser.get("/api/v1/me", headers=session)

    assert (303, "/problems") == (arrived.status_code, arrived.headers["location"])
    assert all(flag in line for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"))
    assert "Domain" not in line
    assert "Signed in as <b>Anna (team shop)</b>: ROLE_DEVOPS" in front.text
    assert (200, 401) == (left.status_code, gone.status_code)
    assert ["sslclm.session.opened.v1", "sslclm.session.ended.v1"] == lab.topics(head)


async def test_the_command_line_gets_a_token_for_a_code(lab):
    """Loopback redirect with code and state, PKCE verifier, bearer token, sign-out."""
    async with lab.client() as browser, lab.client() as line:
        arrived = await arrive(browser, await browser.get("/auth/cli", params=CLI))
        back = urlsplit(arrived.headers["location"])
        code = parse_qs(back.query)["code"][0]
        sent = {"code": code, "code_verifier": VERIFIER, "redirect_uri": LOOPBACK}
        answer = await line.post("/auth/cli/token", json=sent)
        again = await line.post("/auth/cli/token", json=sent)
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        me = await line.get("/api/v1/me", headers=bearer)
        out = await line.post("/auth/cli/logout", headers=bearer)
        gone = await line.get("/api/v1/me", headers=bearer)

    assert (LOOPBACK, ["st"]) == (f"http://{back.netloc}{back.path}", parse_qs(back.query)["state"])
    assert "__Host-sslclm" not in cookies_of(arrived)
    assert (200, 401) == (answer.status_code, again.status_code)
    assert answer.json()["expires_at"].endswith("Z")
    assert ("Anna (team shop)", None) == (me.json()["display_name"], me.json()["csrf_token"])
    assert (204, 401) == (out.status_code, gone.status_code)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("redirect_uri", "http://evil.test:80/"),
        ("redirect_uri", "https://127.0.0.1:1/"),
        ("redirect_uri", "http://127.0.0.1@evil.test:1/"),
        ("redirect_uri", "http://127.0.0.1:1/?next=x"),
        ("redirect_uri", "http://localhost:1/"),
        ("code_challenge", "short"),
        ("state", "a b"),
        ("state", ""),
    ],
)
async def test_only_a_port_of_this_machine_gets_a_code(lab, field, value):
    """A redirect elsewhere, a weak challenge or an odd state never begins a sign-in."""
    async with lab.client() as browser:
        answer = await browser.get("/auth/cli", params={**CLI, field: value})

    assert (422, True) == (answer.status_code, field in answer.json()["detail"])


@pytest.mark.parametrize("path", ["//evil.test", "https://evil.test/", "/\\evil.test", "evil", "/a\nb", "/ü"])
async def test_a_sign_in_returns_to_our_own_pages_only(lab, path):
    """No open redirect."""
    async with lab.client() as browser:
        answer = await browser.get("/auth/login", params={"return_to": path})

    assert 422 == answer.status_code


async def test_a_sign_in_ends_the_session_that_the_browser_had(lab):
    """No session fixation: a new id at every sign-in, the former one is over."""
    browser, former = lab.browser("dev-ben")
    async with browser:
        began = await browser.get("/auth/login")
        state = parse_qs(urlsplit(began.headers["location"]).query)["state"][0]
        pending = next(iter(cookies_of(began).values())).partition(";")[0]
        both = {"Cookie": f"{browser.headers['Cookie']}; {pending}"}
        arrived = await browser.get("/auth/callback", params={"state": state, "code": "c"}, headers=both)
        gone = await browser.get("/api/v1/me")

    assert former.id
    assert (303, 401) == (arrived.status_code, gone.status_code)


async def test_a_provider_that_ended_the_session_is_obeyed(lab):
    """The re-check is asked when it is due; its no is a 401 and an event."""
    async with lab.client("dev-anna") as client:
        lab.clock.forward(250)
        lab.rechecks.stands = False
        head = lab.position()
        answer = await client.get("/api/v1/me")
        lab.rechecks.stands = True

    assert (401, "session-ended") == (answer.status_code, answer.json()["rule"])
    assert 'Bearer realm="sslclm"' == answer.headers["WWW-Authenticate"]
    assert [] == lab.topics(head)  # this session was made without a sign-in, so there is nothing to end


async def test_an_unconfirmed_session_keeps_the_harmless_roles_only(lab):
    """Provider unreachable: SEC_OPS stops, VIEWER goes on."""
    async with lab.client("sec-olga") as olga, lab.client("vera") as vera:
        lab.clock.forward(301)
        stopped, going = await olga.get("/api/v1/orders"), await vera.get("/api/v1/orders")

    assert (403, 200) == (stopped.status_code, going.status_code)
    assert "no-role" == stopped.json()["rule"]


async def test_without_a_second_factor_the_grave_roles_are_withheld(lab):
    """The provider's own evidence decides."""
    async with lab.client("sec-olga", mfa=False) as olga:
        answer = await olga.get("/api/v1/me")

    assert (403, "no-role") == (answer.status_code, answer.json()["rule"])


async def test_somebody_without_a_role_is_told_so(lab):
    """Signed in, but nobody: 403 with a sentence that helps."""
    async with lab.client("nora") as nora:
        answer = await nora.get("/api/v1/me")

    assert (403, "no-role") == (answer.status_code, answer.json()["rule"])
    assert "no role is granted" in answer.json()["detail"]


async def test_a_withdrawn_grant_counts_at_once(lab, adam):
    """Rights are taken at the head of the ledger: no session outlives them."""
    given = await adam.post(
        "/api/v1/grants",
        json={"provider": "development", "subject": "ci-pay", "subject_kind": "client", "role": "ROLE_VIEWER"},
        headers=lab.key(),
    )
    async with lab.client("ci-pay") as pipeline:
        before = await pipeline.get("/api/v1/orders")
        await adam.post(f"/api/v1/grants/{given.json()['id']}/withdraw", headers=lab.key())
        after = await pipeline.get("/api/v1/orders")

    assert (200, 403) == (before.status_code, after.status_code)


async def test_a_back_channel_logout_token_that_is_not_good_is_a_400(lab):
    """OpenID Connect Back-Channel Logout 1.0 section 2.8."""
    async with lab.client() as provider:
        answers = [
            await provider.post("/auth/backchannel-logout", data={"logout_token": token})
            for token in ("x", "a.b.c", "")
        ]

    assert [400, 400, 400] == [one.status_code for one in answers]

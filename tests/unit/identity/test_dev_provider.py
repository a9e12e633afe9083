"""The development provider is a strict one: what it would let pass, the tests of the whole could not find."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlencode

import httpx2
import pytest

from infra.identity.devprovider.app import DevProvider
from infra.identity.devprovider.personas import PERSONAS
from infra.identity.devprovider.realm import DevClient
from tests.support.identity import TurnedClock, query_of

ISSUER = "http://127.0.0.1:9/dev"
CALLBACK = "http://127.0.0.1:1/cb"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
GOOD = {
    "client_id": "sslclm-web", "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid", "state": "st",
    "nonce": "n", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
}  # fmt: skip
VERA = {"persona": "vera", "second_factor": "no"}


@pytest.fixture
def clock():
    """Return a clock to turn."""
    return TurnedClock()


@pytest.fixture
def dev(clock):
    """Return a provider."""
    return DevProvider(ISSUER, DevClient((CALLBACK,)), development=True, hosts=["127.0.0.1"], clock=clock)


@pytest.fixture
async def browser(dev):
    """Return a browser at that provider."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=dev.app), base_url=ISSUER) as client:
        yield client


def _url(**changed):
    wanted = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return f"{ISSUER}/authorize?{urlencode(wanted)}"


async def _code(browser, **changed):
    answer = await browser.post(_url(**changed), data=VERA)
    return query_of(answer.headers["location"])["code"]


async def _exchange(dev, browser, code, **changed):
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
    return await browser.post(f"{ISSUER}/token", data=form | changed, auth=("sslclm-web", dev.realm.client.secret))


async def test_the_page_lists_everybody_and_says_what_it_is(browser):
    """Every persona can be chosen, and nobody can mistake the page for the real thing."""
    page = (await browser.get(_url())).text

    assert [persona.name for persona in PERSONAS if persona.name not in page] == []
    assert "Development identity provider: anybody may sign in as anybody" in page


@pytest.mark.parametrize("changed", [{"client_id": "x"}, {"redirect_uri": "http://evil.example/"}, {"client_id": None}])
async def test_unregistered_is_a_page_never_a_redirect(browser, changed):
    """An unknown client or redirect_uri gets no redirect, not even with an error."""
    for answer in (await browser.get(_url(**changed)), await browser.post(_url(**changed), data=VERA)):
        assert answer.status_code == 400
        assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
async def test_bad_requests_go_back_with_an_error(browser, changed, error):
    """A request that cannot be granted goes back with its state, the issuer and an error."""
    answer = query_of((await browser.get(_url(**changed))).headers["location"])

    assert answer == {"error": error, "state": "st", "iss": ISSUER}


@pytest.mark.parametrize(
    ("changed", "asks"),
    [
        ({}, False),
        ({"prompt": "none"}, False),
        ({"prompt": "login"}, True),
        ({"max_age": "0"}, True),
        ({"max_age": "60"}, True),
        ({"max_age": "3600"}, False),
        ({"acr_values": "mfa"}, True),
        ({"claims": '{"id_token":{"acr":{"essential":true,"values":["mfa"]}}}'}, True),
        ({"claims": "no JSON"}, False),
        ({"claims": "[]"}, False),
    ],
)
async def test_single_sign_on(browser, clock, changed, asks):
    """A signed-in browser is asked again exactly when the request wants it."""
    await browser.post(_url(), data=VERA)
    clock.forward(600)
    answer = await browser.get(_url(**changed))

    assert (answer.status_code == 200) is asks


@pytest.mark.parametrize("form", [{}, {"persona": "vera"}, {"persona": "root", "second_factor": "yes"}])
async def test_nobody_chosen(browser, form):
    """A form without a known persona signs nobody in."""
    answer = await browser.post(_url(), data=form)

    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    "changed", [{"code_verifier": "w" * 64}, {"code_verifier": ""}, {"redirect_uri": "http://127.0.0.1:1/x"}]
)
async def test_stolen_code(dev, browser, changed):
    """A code without its verifier and redirect_uri gives nothing, and is burnt."""
    code = await _code(browser)
    refused = await _exchange(dev, browser, code, **changed)
    again = await _exchange(dev, browser, code)

    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})
    assert again.status_code == 400


async def test_code_once_and_for_a_minute(dev, browser, clock):
    """A code works once, within 60 seconds."""
    code, late = await _code(browser), await _code(browser)
    clock.forward(59)
    assert (await _exchange(dev, browser, code)).status_code == 200
    assert (await _exchange(dev, browser, code)).status_code == 400
    clock.forward(1)

    assert (await _exchange(dev, browser, late)).status_code == 400


async def test_refresh_token_once(dev, browser):
    """Each refresh gives the next token, and the last one is used up."""
    first = (await _exchange(dev, browser, await _code(browser))).json()["refresh_token"]
    form = {"grant_type": "refresh_token", "refresh_token": first}
    auth = ("sslclm-web", dev.realm.client.secret)
    renewed = await browser.post(f"{ISSUER}/token", data=form, auth=auth)
    again = await browser.post(f"{ISSUER}/token", data=form, auth=auth)

    assert (renewed.status_code, again.status_code) == (200, 400)
    assert renewed.json()["refresh_token"] != first


@pytest.mark.parametrize("auth", [("sslclm-web", "wrong"), ("ci-shop", ""), ("nobody", "x"), None])
async def test_wrong_secret(browser, auth):
    """Whoever cannot prove to be a client gets no token."""
    answer = await browser.post(f"{ISSUER}/token", data={"grant_type": "client_credentials"}, auth=auth)

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


async def test_machines_and_people_keep_apart(dev, browser):
    """A machine redeems no code, and the web client is no machine."""
    code = await _code(browser)
    form = {"grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK}
    machine = ("ci-shop", dev.realm.machine_secrets["ci-shop"])
    web = ("sslclm-web", dev.realm.client.secret)

    assert (await browser.post(f"{ISSUER}/token", data=form, auth=machine)).status_code == 400
    answer = await browser.post(f"{ISSUER}/token", data={"grant_type": "client_credentials"}, auth=web)
    assert answer.json() == {"error": "unauthorized_client"}


async def test_foreign_host_name(browser):
    """A web page that rebinds its name to this machine is turned away."""
    assert (await browser.get(_url(), headers={"Host": "evil.example"})).status_code == 400


async def test_userinfo(dev, browser):
    """The access token opens userinfo, anything else does not."""
    token = (await _exchange(dev, browser, await _code(browser))).json()["access_token"]
    known = await browser.get(f"{ISSUER}/userinfo", headers={"Authorization": f"Bearer {token}"})

    assert known.json()["sub"] == "vera"
    assert (await browser.get(f"{ISSUER}/userinfo", headers={"Authorization": "Bearer x"})).status_code == 401

"""Callbacks that belong to another request, another browser or another time; codes of the command line likewise."""

from __future__ import annotations

import base64
import hashlib

import pytest

from commands.ports.signin import SignInRefused, TokenRefused
from domain.errors import InvalidInput, NotFound
from tests.support.hostile_op import CALLBACK
from tests.support.identity import query_of

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
LOOPBACK = "http://127.0.0.1:41234/done"

STORES = ("sqlite", "mongodb")


@pytest.fixture
def begun(op, side):
    """Return the parameters and cookies of a sign-in that is about to come back."""

    async def begin():
        redirect = await side.sign_in.begin("op", redirect_uri=CALLBACK)
        op.claims["nonce"] = query_of(redirect.url)["nonce"]
        params = {"state": redirect.state, **op.callback}
        return params, {redirect.cookie_name: redirect.cookie_value}

    return begin


async def test_replayed_state(side, begun):
    """A callback works once."""
    params, cookies = await begun()
    await side.sign_in.finish(params, cookies=cookies)

    with pytest.raises(SignInRefused) as refusal:
        await side.sign_in.finish(params, cookies=cookies)
    assert refusal.value.rule == "sign-in-state"


async def test_failed_callback_burns_the_state(side, begun):
    """A callback that fails cannot be tried again with something better."""
    params, cookies = await begun()
    with pytest.raises(SignInRefused):
        await side.sign_in.finish({**params, "iss": "http://127.0.0.1:9/evil"}, cookies=cookies)

    with pytest.raises(SignInRefused, match="not begun in this browser"):
        await side.sign_in.finish(params, cookies=cookies)


@pytest.mark.parametrize("state", ["", "x", "é\ud800", "a" * 100_000])
async def test_state_that_never_was(side, begun, state):
    """A made-up state is refused, whatever it looks like."""
    params, cookies = await begun()

    with pytest.raises(SignInRefused, match="not begun in this browser"):
        await side.sign_in.finish({**params, "state": state}, cookies=cookies)


async def test_state_missing(side, begun):
    """A callback without a state is refused."""
    params, cookies = await begun()
    del params["state"]

    with pytest.raises(SignInRefused, match="not begun in this browser"):
        await side.sign_in.finish(params, cookies=cookies)


async def test_state_of_another_browser(side, begun):
    """Login CSRF: the attacker's callback in the victim's browser is refused, and stays good in the attacker's."""
    params, cookies = await begun()
    _, others = await begun()
    name = next(iter(cookies))

    for hostile in ({}, others, {name: next(iter(others.values()))}, {name: ""}):
        with pytest.raises(SignInRefused, match="not begun in this browser"):
            await side.sign_in.finish(params, cookies=hostile)


async def test_state_after_ten_minutes(clock, side, begun):
    """A pending sign-in times out by itself."""
    params, cookies = await begun()
    clock.forward(601)

    with pytest.raises(SignInRefused, match="ten minutes"):
        await side.sign_in.finish(params, cookies=cookies)


async def test_foreign_redirect_uri(side):
    """A sign-in begins with the registered redirect_uri only."""
    with pytest.raises(NotFound):
        await side.sign_in.begin("op", redirect_uri="http://127.0.0.1:2/evil")


async def test_cli_code_once(side, attempt):
    """A code of the command line opens one session, once."""
    signed_in = (await attempt()).signed_in
    code = side.cli_codes.issue(signed_in, code_challenge=CHALLENGE, redirect_uri=LOOPBACK)
    token = side.cli_codes.redeem(code, code_verifier=VERIFIER, redirect_uri=LOOPBACK)

    assert side.sessions.get(token).kind == "cli"
    with pytest.raises(TokenRefused):
        side.cli_codes.redeem(code, code_verifier=VERIFIER, redirect_uri=LOOPBACK)


@pytest.mark.parametrize(
    ("verifier", "uri"),
    [("w" * 64, LOOPBACK), (CHALLENGE, LOOPBACK), ("", LOOPBACK), ("é" * 64, LOOPBACK), (VERIFIER, LOOPBACK + "x")],
)
async def test_stolen_cli_code(side, attempt, verifier, uri):
    """A stolen code without its verifier opens nothing and is burnt for everybody."""
    signed_in = (await attempt()).signed_in
    code = side.cli_codes.issue(signed_in, code_challenge=CHALLENGE, redirect_uri=LOOPBACK)
    with pytest.raises(TokenRefused, match="another command line"):
        side.cli_codes.redeem(code, code_verifier=verifier, redirect_uri=uri)

    with pytest.raises(TokenRefused, match="used"):
        side.cli_codes.redeem(code, code_verifier=VERIFIER, redirect_uri=LOOPBACK)


async def test_late_cli_code(clock, side, attempt):
    """A code is good for a minute."""
    code = side.cli_codes.issue((await attempt()).signed_in, code_challenge=CHALLENGE, redirect_uri=LOOPBACK)
    clock.forward(61)

    with pytest.raises(TokenRefused, match="too old"):
        side.cli_codes.redeem(code, code_verifier=VERIFIER, redirect_uri=LOOPBACK)


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/", "http://evil.example:80/", "http://localhost:8/", "http://127.0.0.1/",
        "javascript:alert(1)",
        "http://127.0.0.1@evil.example:8/", "http://127.0.0.1:8/?x=1", "http://127.0.0.1:8/#x", "http://127.0.0.1:99999/",
        "http://127.0.0.1:8/\r\nSet-Cookie: x", "http://[::1", "http://127.0.0.1.evil.example:8/", "",
    ],
)  # fmt: skip
async def test_cli_redirect_off_this_machine(side, attempt, uri):
    """A code is sent to a port of this machine and nowhere else."""
    signed_in = (await attempt()).signed_in

    with pytest.raises(InvalidInput):
        side.cli_codes.issue(signed_in, code_challenge=CHALLENGE, redirect_uri=uri)


@pytest.mark.parametrize("challenge", ["", "x" * 42, "x" * 44, "é" * 43, VERIFIER])
async def test_cli_challenge_is_s256(side, attempt, challenge):
    """The plain method and anything else than S256 is refused."""
    signed_in = (await attempt()).signed_in

    with pytest.raises(InvalidInput):
        side.cli_codes.issue(signed_in, code_challenge=challenge, redirect_uri=LOOPBACK)

"""A step-up belongs to one act of one session: nobody makes it for somebody else, and it opens nothing besides.

Harm prevented: a stolen session that sees a key, or a link that lets somebody sign in for another's act.
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qsl, urlsplit

import pytest

from domain.keys.reveal import act_of
from tests.support import held

VERIFIER = "v" * 43
BACK = "http://127.0.0.1:4711/callback"
ACT = act_of("reveal-00000000-0000-4000-8000-000000000001")


async def code_for(lab, persona: str, step_up: str | None) -> dict[str, str]:
    """Sign a persona in for the command line; returns what is to be exchanged."""
    lab.sign_in.persona = persona
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    asked = {"redirect_uri": BACK, "code_challenge": challenge, "state": "s"} | (
        {"step_up": step_up} if step_up else {}
    )
    async with lab.client() as browser:
        begun = await browser.get("/auth/cli", params=asked)
        state = dict(parse_qsl(urlsplit(begun.headers["location"]).query))["state"]
        browser.headers["Cookie"] = begun.headers["set-cookie"].partition(";")[0]
        came = await browser.get("/auth/callback", params={"state": state, "code": "c"})
    code = dict(parse_qsl(urlsplit(came.headers["location"]).query))["code"]
    return {"code": code, "code_verifier": VERIFIER, "redirect_uri": BACK}


def act_of_session(lab, token: str) -> str | None:
    """Return the act that a session is fresh for."""
    return lab.adapters.sessions.get(token).fresh_for


async def test_a_step_up_is_bound_to_the_session_that_asked(lab):
    """The same person's own session is fresh for that act, and the code is burnt."""
    olga, token = held.ways(lab, "sec-olga")
    sent = await code_for(lab, "sec-olga", ACT)
    first = await olga.post("/auth/cli/step-up", json=sent)
    again = await olga.post("/auth/cli/step-up", json=sent)

    assert (204, 401) == (first.status_code, again.status_code)
    assert act_of_session(lab, token) == ACT


async def test_nobody_steps_up_in_another_persons_session(lab):
    """Omar's sign-in does nothing for Olga's session."""
    olga, token = held.ways(lab, "sec-olga")
    refused = await olga.post("/auth/cli/step-up", json=await code_for(lab, "sec-omar", ACT))

    assert (403, "step-up-person") == (refused.status_code, refused.json()["rule"])
    assert act_of_session(lab, token) is None


async def test_a_step_up_opens_no_session_and_a_sign_in_is_no_step_up(lab):
    """The two kinds of codes do not stand in for each other."""
    olga, token = held.ways(lab, "sec-olga")
    as_session = await olga.post("/auth/cli/token", json=await code_for(lab, "sec-olga", ACT))
    as_step_up = await olga.post("/auth/cli/step-up", json=await code_for(lab, "sec-olga", None))

    assert (401, 401) == (as_session.status_code, as_step_up.status_code)
    assert act_of_session(lab, token) is None


async def test_a_step_up_without_a_session_is_nobodys(lab):
    """There must be a session to bind it to."""
    async with lab.client() as stranger:
        refused = await stranger.post("/auth/cli/step-up", json=await code_for(lab, "sec-olga", ACT))

    assert refused.status_code == 403


@pytest.mark.parametrize(
    "act", ["reveal:", "break-glass", "reveal:order-1", "reveal:reveal-1", f"{ACT} ", "", f"{ACT},x"]
)
async def test_only_acts_that_there_are_can_be_asked_for(lab, act):
    """An act is written exactly as the interface names it."""
    async with lab.client() as browser:
        refused = await browser.get("/auth/login", params={"step_up": act})

    assert refused.status_code == 422


async def test_a_browser_steps_up_in_its_own_session(lab):
    """The session's cookie stays, its act is noted; another person's answer in the same browser is refused."""
    client, _ = lab.browser("sec-olga")
    session = client.headers["Cookie"]
    for persona, status in (("sec-omar", 403), ("sec-olga", 303)):
        lab.sign_in.persona = persona
        begun = await client.get("/auth/login", params={"step_up": ACT, "return_to": "/"})
        state = dict(parse_qsl(urlsplit(begun.headers["location"]).query))["state"]
        client.headers["Cookie"] = f"{session}; {begun.headers['set-cookie'].partition(';')[0]}"
        came = await client.get("/auth/callback", params={"state": state, "code": "c"})
        assert status == came.status_code

    assert act_of_session(lab, session.partition("=")[2]) == ACT

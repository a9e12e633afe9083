"""The edge with the real identity adapters and the development provider: a browser, a command line, a pipeline."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from api.app import people_app
from api.edge import Identity
from infra.identity.devprovider.app import DevProvider
from infra.identity.devprovider.realm import DevClient
from infra.identity.wiring import identity
from infra.records.sealing import sealer_from
from tests.support.edge import PUBLIC_URL
from tests.support.fake_identity import ISSUER_URL
from tests.support.identity import identity_records, query_of

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
CLI = {"redirect_uri": "http://127.0.0.1:5555/", "code_challenge": CHALLENGE, "state": "st"}


@contextmanager
def real_identity(lab, folder) -> Iterator[tuple[DevProvider, object]]:
    """Give the provider and an application whose identity side is the real one, joined without sockets."""
    client = DevClient(redirect_uris=(f"{PUBLIC_URL}/auth/callback",), after_logout=(f"{PUBLIC_URL}/",))
    provider = DevProvider(ISSUER_URL, client, development=True, hosts=["127.0.0.1"], clock=lab.clock)
    side = identity(
        (provider.settings(),),
        records=identity_records(folder / "identity.sqlite"),
        sealer=sealer_from(lab.backend.keystore),
        clock=lab.clock,
        over=httpx2.ASGITransport(app=provider.app),
    )
    parts = {one.name: getattr(side, one.name, lab.edge.identity.grants) for one in dataclasses.fields(Identity)}
    yield provider, people_app(dataclasses.replace(lab.edge, identity=Identity(**parts)))
    side.records.close()


@pytest.fixture
async def dev(lab, tmp_path):
    """Return (provider, client of our edge, browser at the provider)."""
    with real_identity(lab, tmp_path) as (provider, app):
        at_provider = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=provider.app), trust_env=False)
        async with lab.client(app=app) as ours, at_provider:
            yield provider, ours, at_provider


async def arrive(ours, browser, began, persona):
    """Choose a persona on the provider's page and come back with the pending sign-in's cookie."""
    form = {"persona": persona, "second_factor": "yes"}
    chosen = await browser.post(began.headers["location"], data=form)
    cookie = began.headers["set-cookie"].partition(";")[0]
    return await ours.get("/auth/callback", params=query_of(chosen.headers["location"]), headers={"Cookie": cookie})


async def test_a_browser_signs_in_orders_and_signs_out(lab, dev):
    """Code flow with PKCE and nonce; the CSRF token from ``/me``; the way out leads by the provider."""
    _, ours, browser = dev
    arrived = await arrive(ours, browser, await ours.get("/auth/login"), "dev-anna")
    session = {"Cookie": arrived.headers["set-cookie"].partition(";")[0]}
    me = (await ours.get("/api/v1/me", headers=session)).json()
    unsafe = session | {"X-CSRF-Token": me["csrf_token"]}
    ordered = await ours.post("/api/v1/orders", json=lab.order(), headers=unsafe | lab.key())
    left = await ours.post("/auth/logout", headers=unsafe)

    assert ("Anna (team shop)", True) == (me["display_name"], me["mfa"])
    assert (201, 200) == (ordered.status_code, left.status_code)
    assert left.headers["Refresh"].startswith(f"0; url={ISSUER_URL}")
    assert 401 == (await ours.get("/api/v1/me", headers=session)).status_code


async def test_a_command_line_signs_in_through_the_browser(dev):
    """The token never stands in a URL; it carries the second factor that the provider proved."""
    _, ours, browser = dev
    arrived = await arrive(ours, browser, await ours.get("/auth/cli", params=CLI), "sec-olga")
    back = query_of(arrived.headers["location"])
    sent = {"code": back["code"], "code_verifier": VERIFIER, "redirect_uri": CLI["redirect_uri"]}
    given = (await ours.post("/auth/cli/token", json=sent)).json()
    me = await ours.get("/api/v1/me", headers={"Authorization": f"Bearer {given['token']}"})

    assert "st" == back["state"]
    assert ["ROLE_SEC_OPS"] == [one["role"] for one in me.json()["roles"]]


async def test_a_code_without_its_verifier_is_nothing(dev):
    """Whoever reads the loopback redirect cannot use it, and burns the code by trying."""
    _, ours, browser = dev
    arrived = await arrive(ours, browser, await ours.get("/auth/cli", params=CLI), "dev-anna")
    sent = {"code": query_of(arrived.headers["location"])["code"], "redirect_uri": CLI["redirect_uri"]}
    wrong = await ours.post("/auth/cli/token", json=sent | {"code_verifier": "w" * 43})
    right = await ours.post("/auth/cli/token", json=sent | {"code_verifier": VERIFIER})

    assert [401, 401] == [wrong.status_code, right.status_code]


async def test_a_pipeline_comes_with_its_own_token(lab, dev):
    """Client credentials at the provider, an access token for our audience, an order for its team."""
    provider, ours, browser = dev
    secret = provider.realm.machine_secrets["ci-shop"]
    form = {"grant_type": "client_credentials", "resource": provider.realm.api_audience}
    token = await browser.post(f"{ISSUER_URL}/token", data=form, auth=("ci-shop", secret))
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}

    ordered = await ours.post("/api/v1/orders", json=lab.order("ci.shop.test"), headers=bearer | lab.key())
    altered = await ours.get("/api/v1/me", headers={"Authorization": f"{bearer['Authorization'][:-4]}AAAA"})

    assert (201, 401) == (ordered.status_code, altered.status_code)
    assert 'error="invalid_token"' in altered.headers["WWW-Authenticate"]


async def test_the_answer_of_another_browser_is_refused(dev):
    """Without the cookie of the browser that began, a state is worth nothing."""
    _, ours, browser = dev
    began = await ours.get("/auth/login")
    form = {"persona": "adam", "second_factor": "yes"}
    chosen = await browser.post(began.headers["location"], data=form)
    ours.cookies.clear()
    answer = await ours.get("/auth/callback", params=query_of(chosen.headers["location"]))

    assert (403, "sign-in-state") == (answer.status_code, answer.json()["rule"])

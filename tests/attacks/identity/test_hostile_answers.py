"""Answers of a provider's endpoints that are no answers: they cost a sign-in, never a stack trace."""

from __future__ import annotations

import gzip

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from commands.ports.signin import SignInRefused, TokenRefused
from domain.errors import ClmError, Unavailable
from infra.identity.http import MAX_ANSWER
from infra.identity.wiring import identity
from tests.support.hostile_op import AUDIENCE, BEARER, CALLBACK, machine, settings, sign
from tests.support.identity import identity_records, query_of, sealer

ANSWERS = {
    "a page": Response("<html>", media_type="text/html"),
    "a page that says 429": Response("slow down", 429),
    "a redirect elsewhere": RedirectResponse("http://198.51.100.7/"),
    "500": JSONResponse({"error": "server_error"}, 500),
    "nothing": Response(b""),
    "a list": JSONResponse([]),
    "nested 100,000 deep": Response(b"[" * 100_000),
    "no UTF-8": Response(b"\xff\xfe\xfd"),
    "too long": Response(b"x" * (MAX_ANSWER + 1)),
    "a compression bomb": Response(gzip.compress(b"x" * 10_000_000), headers={"Content-Encoding": "gzip"}),
    "invalid_client": JSONResponse({"error": "invalid_client"}, 401),
    "an error that is a list": JSONResponse({"error": ["x"]}, 400),
    "no token type": JSONResponse({"access_token": "a", "id_token": "b"}),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_token_endpoint(name, op, attempt):
    """Whatever the token endpoint sends, it is an error of ours that names a rule."""
    op.raw = ANSWERS[name]

    with pytest.raises(ClmError) as refusal:
        await attempt()
    assert isinstance(refusal.value, Unavailable | SignInRefused)


async def test_used_code(op, attempt):
    """A code that the provider calls used or expired is a refused sign-in."""
    op.raw = JSONResponse({"error": "invalid_grant"}, 400)

    with pytest.raises(SignInRefused) as refusal:
        await attempt()
    assert refusal.value.rule == "grant-ended"


SHAPES = {
    "RFC 9068 machine": ("sub-is-client", {}, True),
    "RFC 9068 machine without sub": ("sub-is-client", {"sub": ...}, True),
    "RFC 9068 person": ("sub-is-client", {"sub": "alice"}, False),
    "Keycloak machine": ("client-without-sid", {"sub": "3f0e", "azp": "ci-shop", "typ": "Bearer"}, True),
    "Keycloak machine with an acr": ("client-without-sid", {"sub": "3f0e", "acr": "pwd"}, True),
    "Keycloak person": ("client-without-sid", {"sub": "3f0e", "sid": "s", "client_id": ...}, False),
    "Keycloak person with client_id": ("client-without-sid", {"sub": "3f0e", "sid": "s"}, False),
    "Keycloak person named like a service": (
        "client-without-sid",
        {"sub": "service-account-x", "client_id": ...},
        False,
    ),
    "Entra machine": ("idtyp-app", {"idtyp": "app", "azp": "ci-shop", "client_id": ..., "sub": "oid"}, True),
    "Entra person": ("idtyp-app", {"idtyp": "user", "azp": "ci-shop"}, False),
    "Entra person without idtyp": ("idtyp-app", {"azp": "ci-shop"}, False),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_machine_shapes(name, op, clock):
    """A machine is told by the shape of its token, as each provider writes it, and a person never passes for one."""
    shape, changed, accepted = SHAPES[name]
    side = identity(
        [settings(machine_shape=shape)],
        records=identity_records(),
        sealer=sealer(),
        clock=clock,
        over=op.transport(),
    )
    token = sign(BEARER, machine(op, **changed))

    if accepted:
        assert (await side.machine_tokens.verify(token)).client_id == "ci-shop"
    else:
        with pytest.raises(TokenRefused):
            await side.machine_tokens.verify(token)
    side.records.close()


async def test_provider_without_machines(op, clock):
    """A provider that is not configured for machines vouches for none."""
    side = identity(
        [settings(api_audience="")],
        records=identity_records(),
        sealer=sealer(),
        clock=clock,
        over=op.transport(),
    )

    with pytest.raises(TokenRefused, match="not configured"):
        await side.machine_tokens.verify(sign(BEARER, machine(op, aud=AUDIENCE)))
    side.records.close()


async def test_two_processes_share_one_file(op, clock, tmp_path):
    """What one process began another one finishes, once; a session ended in one is gone in the other."""
    one, two = (
        identity(
            [settings()],
            records=identity_records(tmp_path / "i.sqlite"),
            sealer=sealer(),
            clock=clock,
            over=op.transport(),
        )
        for _ in range(2)
    )
    redirect = await one.sign_in.begin("op", redirect_uri=CALLBACK)
    op.claims["nonce"] = query_of(redirect.url)["nonce"]
    params, cookies = {"state": redirect.state, **op.callback}, {redirect.cookie_name: redirect.cookie_value}
    finished = await two.sign_in.finish(params, cookies=cookies)
    token, session = two.sessions.create(finished.signed_in)

    with pytest.raises(SignInRefused):
        await one.sign_in.finish(params, cookies=cookies)
    assert one.sessions.get(token).id == session.id
    one.sessions.end(token)
    assert two.sessions.get(token) is None
    for side in (one, two):
        side.records.close()


async def test_provider_no_longer_configured(op, clock, tmp_path, attempt):
    """A sign-in, a session and a logout of a provider that was taken out of the settings end."""
    path = tmp_path / "i.sqlite"
    before = identity([settings()], records=identity_records(path), sealer=sealer(), clock=clock, over=op.transport())
    after = identity([], records=identity_records(path), sealer=sealer(), clock=clock)
    redirect = await before.sign_in.begin("op", redirect_uri=CALLBACK)
    token, _ = before.sessions.create((await attempt()).signed_in)
    params, cookies = {"state": redirect.state, **op.callback}, {redirect.cookie_name: redirect.cookie_value}

    with pytest.raises(SignInRefused, match="no longer configured"):
        await after.sign_in.finish(params, cookies=cookies)
    assert await after.rechecks.recheck(token) is None
    assert (await after.sign_out.leave(token, return_to=CALLBACK)).session is None
    for side in (before, after):
        side.records.close()

"""Logout tokens that must not end anybody's session."""

from __future__ import annotations

import pytest

from commands.ports.signin import TokenRefused
from domain.errors import Unavailable
from tests.support.hostile_op import CALLBACK, CLIENT, EVENT, ISSUER, OTHER_RSA, sign, unsigned

HEADER = {"alg": "RS256", "kid": "k1", "typ": "logout+jwt"}

STORES = ("sqlite", "mongodb")


def logout(op, **changed):
    """Return the claims of a good logout token, bent; ``...`` leaves one out."""
    now = int(op.clock().timestamp())
    good = {"iss": ISSUER, "aud": CLIENT, "sub": "alice", "sid": "session-1", "iat": now, "exp": now + 120, "jti": "j1"}
    return {name: value for name, value in (good | {"events": {EVENT: {}}} | changed).items() if value is not ...}


def bent(**changed):
    """Bend the claims of a good token."""
    return lambda op: sign(HEADER, logout(op, **changed))


CASES = {
    "carries a nonce": (bent(nonce="n"), "token-type"),
    "is an access token": (lambda op: sign({**HEADER, "typ": "at+jwt"}, logout(op)), "token-type"),
    "is an id_token": (
        lambda op: sign(op.header, logout(op, **{**op.claims, "nonce": ..., "events": ...})),
        "token-events",
    ),
    "is an id_token with its nonce": (lambda op: sign(op.header, op.claims | {"nonce": "n"}), "token-type"),
    "events missing": (bent(events=...), "token-events"),
    "events is a list": (bent(events=[EVENT]), "token-events"),
    "another event": (bent(events={"urn:other": {}}), "token-events"),
    "event is not an object": (bent(events={EVENT: True}), "token-events"),
    "jti missing": (bent(jti=...), "token-jti"),
    "jti is a number": (bent(jti=7), "token-jti"),
    "names nobody": (bent(sub=..., sid=...), "token-sub"),
    "sid is a list": (bent(sid=["session-1"]), "token-sid"),
    "for another client": (bent(aud="other"), "token-aud"),
    "another issuer": (bent(iss="http://127.0.0.1:9/evil"), "token-iss"),
    "stale": (lambda op: sign(HEADER, logout(op, iat=int(op.clock().timestamp()) - 3600)), "token-iat"),
    "expired": (bent(exp=1), "token-exp"),
    "alg none": (lambda op: unsigned({**HEADER, "alg": "none"}, logout(op)), "token-algorithm"),
    "another key": (lambda op: sign(HEADER, logout(op), OTHER_RSA), "token-signature"),
}


@pytest.mark.parametrize("name", CASES)
async def test_refused_and_nobody_is_signed_out(name, op, side, attempt):
    """Each bad logout token is refused with its own rule, and the session lives on."""
    token, _ = side.sessions.create((await attempt()).signed_in)
    make, rule = CASES[name]

    with pytest.raises(TokenRefused) as refusal:
        await side.sign_out.back_channel(make(op))
    assert refusal.value.rule == rule
    assert side.sessions.get(token) is not None


async def test_replayed(op, side, attempt):
    """A logout token ends sessions once; kept and sent again, it does not end the next session."""
    side.sessions.create((await attempt()).signed_in)
    token = sign(HEADER, logout(op))
    ended = await side.sign_out.back_channel(token)
    op.claims.pop("nonce")
    again, _ = side.sessions.create((await attempt()).signed_in)

    assert len(ended) == 1
    with pytest.raises(TokenRefused, match="used before"):
        await side.sign_out.back_channel(token)
    assert side.sessions.get(again) is not None


async def test_without_sid_it_ends_all_of_the_person(op, side, attempt):
    """A provider that sends no sid ends every session of (issuer, subject), and of nobody else."""
    signed_in = (await attempt()).signed_in
    mine = [side.sessions.create(signed_in)[0] for _ in range(2)]
    op.claims.update(sub="bob", sid="session-2")
    op.claims.pop("nonce")
    other, _ = side.sessions.create((await attempt()).signed_in)
    ended = await side.sign_out.back_channel(sign(HEADER, logout(op, sid=...)))

    assert len(ended) == 2
    assert [side.sessions.get(token) for token in mine] == [None, None]
    assert side.sessions.get(other) is not None


async def test_with_sid_it_ends_that_session_only(op, side, attempt):
    """A logout token with a sid leaves the person's other sessions alone."""
    one, _ = side.sessions.create((await attempt()).signed_in)
    op.claims.update(sid="session-2")
    op.claims.pop("nonce")
    two, _ = side.sessions.create((await attempt()).signed_in)
    await side.sign_out.back_channel(sign(HEADER, logout(op)))

    assert side.sessions.get(one) is None
    assert side.sessions.get(two) is not None


async def test_leaving_without_a_logout_address(clock, op, side, attempt):
    """Our session ends first and always: without a session, without an address, without a provider."""
    token, session = side.sessions.create((await attempt()).signed_in)
    nobody = await side.sign_out.leave("forged", return_to=CALLBACK)
    left = await side.sign_out.leave(token, return_to=CALLBACK)
    op.claims.pop("nonce")
    again, second = side.sessions.create((await attempt()).signed_in)
    op.status = 503
    for _ in range(3):  # until the discovery document is too old to be used
        clock.forward(1300)
        side.sessions.get(again)
    silent = await side.sign_out.leave(again, return_to=CALLBACK)

    assert (nobody.session, nobody.url) == (None, None)
    assert (left.session.id, left.url) == (session.id, None)
    assert (silent.session.id, silent.url) == (second.id, None)


async def test_logout_address_that_is_script(op, side, attempt):
    """A discovery document whose logout address is no web address stops everything."""
    op.discovery["end_session_endpoint"] = "javascript:alert(1)"

    with pytest.raises(Unavailable):
        await attempt()
    assert (await side.sign_out.leave("forged", return_to=CALLBACK)).url is None

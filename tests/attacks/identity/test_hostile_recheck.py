"""Sessions whose provider is silent, changes its mind, or answers for somebody else."""

from __future__ import annotations

import asyncio

import pytest

from infra.identity.tables import SESSION
from infra.records.sealing import digest
from tests.support.hostile_op import sign

STORES = ("sqlite", "mongodb")


@pytest.fixture
async def token(attempt, side, op):
    """Return the token of an open session; from now on the provider answers refreshes."""
    opened, _ = side.sessions.create((await attempt()).signed_in)
    op.claims["nonce"] = ...
    return opened


def renew(op):
    """Let the provider's next id_token be of now."""
    now = int(op.clock().timestamp())
    op.claims.update(iat=now, exp=now + 300)


async def test_due_before_five_minutes(clock, side, token):
    """A session asks to be checked in time, and without a check is degraded at five minutes."""
    assert not side.sessions.get(token).due_for_recheck
    clock.forward(240)
    assert (side.sessions.get(token).due_for_recheck, side.sessions.get(token).degraded) == (True, False)
    clock.forward(60)
    assert side.sessions.get(token).degraded


async def test_groups_follow_the_provider_and_mfa_does_not(clock, op, side, token):
    """A refresh takes groups away; what it says about acr and amr proves nothing (Keycloak raises it)."""
    op.claims.update(groups=[], acr="pwd", amr=["pwd"], auth_time=int(clock().timestamp()) + 10)
    before = side.sessions.get(token).signed_in
    clock.forward(240)
    renew(op)
    session = await side.rechecks.recheck(token)

    assert session.signed_in.groups == ()
    assert (session.signed_in.acr, session.signed_in.auth_time) == (before.acr, before.auth_time)
    assert (session.degraded, session.due_for_recheck) == (False, False)


async def test_unreachable_degrades_and_recovers(clock, op, side, token):
    """A silent provider withholds the strong roles until it answers again."""
    op.answer = {"error": "server_error"}
    silent = await side.rechecks.recheck(token)
    op.answer = {}
    clock.forward(31)
    renew(op)
    back = await side.rechecks.recheck(token)

    assert silent.degraded
    assert not back.degraded


async def test_invalid_grant_ends_the_session(op, side, token):
    """A revoked grant, a disabled person: the session is over."""
    op.answer = {"error": "invalid_grant"}

    assert await side.rechecks.recheck(token) is None
    assert side.sessions.get(token) is None


@pytest.mark.parametrize("bent", [{"sub": "adam"}, {"iss": "http://127.0.0.1:9/evil"}, {"aud": "other"}])
async def test_somebody_else_ends_the_session(op, side, token, bent):
    """A refresh that answers for another person, issuer or client ends the session instead of changing it."""
    op.claims.update(bent, groups=["/sslclm/admins"])

    assert await side.rechecks.recheck(token) is None
    assert side.sessions.get(token) is None


async def test_rotated_refresh_token_is_kept(op, side, token):
    """A provider that rotates refresh tokens is asked with the new one next time."""
    op.answer = {"refresh_token": "refresh-2"}
    await side.rechecks.recheck(token)
    row = side.sessions.row(token)

    assert side.sessions.evidence(row).refresh_token.reveal() == b"refresh-2"


async def test_many_requests_ask_once(op, side, token):
    """Ten requests of one session at once ask the provider once: a second use of a rotated token would end it."""
    uses = []
    op.token = lambda head, body: uses.append(1) or sign(head, body)
    found = await asyncio.gather(*(side.rechecks.recheck(token) for _ in range(10)))

    assert len(uses) == 1
    assert len({session.id for session in found}) == 1


async def test_another_process_asks(op, side, token):
    """While another process asks, this one does not, and leaves the session as it is."""
    op.token = lambda *_: pytest.fail("the provider was asked twice")
    assert side.sessions.claim_check(token, 30)
    session = await side.rechecks.recheck(token)

    assert session is not None
    assert side.records.get(SESSION, digest(token)) is not None


async def test_provider_without_refresh_tokens(op, side, attempt):
    """Where nothing can be asked, the session goes on without the strong roles."""
    op.answer = {"refresh_token": ...}
    opened, _ = side.sessions.create((await attempt()).signed_in)
    session = await side.rechecks.recheck(opened)

    assert session.degraded


async def test_forged_token_asks_nobody(op, side):
    """A token that opens nothing is not checked anywhere."""
    op.token = lambda *_: pytest.fail("the provider was asked")

    assert await side.rechecks.recheck("forged") is None

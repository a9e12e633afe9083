"""Sessions that were forged, fixated, moved, replayed or outlived."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from commands.ports.signin import SignInRefused
from domain.errors import StepUpRequired
from infra.identity.tables import SESSION
from infra.records.sealing import digest

STORES = ("sqlite", "mongodb")


@pytest.mark.parametrize("token", ["", "x", "0" * 43, "é\ud800", "x" * 1_000_000, "' OR 1=1 --", "\0"])
async def test_forged_token(side, attempt, token):
    """Only a token that we made opens a session."""
    side.sessions.create((await attempt()).signed_in)

    assert side.sessions.get(token) is None
    assert side.sessions.end(token) is None
    assert not side.sessions.spend_step_up(token, "reveal:key-1")


async def test_nothing_in_the_file_opens_a_session(side, attempt):
    """Whoever reads the file finds no token: neither ours nor the provider's."""
    token, session = side.sessions.create((await attempt()).signed_in)
    row = side.records.find(SESSION)[0]
    stored = b"|".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())

    assert row["token"] == digest(token)
    assert not [text for text in (token, "refresh-1", session.signed_in.groups[0]) if text.encode() in stored]
    for guess in (row["token"].hex(), session.id, session.csrf_token):
        assert side.sessions.get(guess) is None


async def test_every_sign_in_has_a_new_token(side, attempt):
    """Fixation: no token from before a sign-in is good after it, and each session has its own."""
    signed_in = (await attempt()).signed_in
    made = [side.sessions.create(signed_in) for _ in range(3)]

    assert len({token for token, _ in made} | {session.id for _, session in made}) == 6


async def test_evidence_cannot_be_moved(side, attempt, op):
    """Somebody who writes to the file cannot give one session the rights of another."""
    weak, _ = side.sessions.create((await attempt()).signed_in)
    op.claims.update(sub="adam", groups=["/sslclm/admins"])
    op.claims.pop("nonce")
    strong, _ = side.sessions.create((await attempt()).signed_in)
    sealed = side.sessions.row(strong)["sealed"]
    side.records.transact(lambda tx: tx.update(SESSION, {"token": digest(weak)}, {"sealed": sealed}))

    assert side.sessions.get(weak) is None


async def test_idle_for_thirty_minutes(clock, side, attempt):
    """A session ends after 30 minutes without use; use keeps it alive."""
    token, _ = side.sessions.create((await attempt()).signed_in)
    clock.forward(1799)
    assert side.sessions.get(token) is not None
    clock.forward(1799)
    assert side.sessions.get(token) is not None
    clock.forward(1800)

    assert side.sessions.get(token) is None


async def test_eight_hours_at_most(clock, side, attempt):
    """No use keeps a session alive beyond 8 hours."""
    token, _ = side.sessions.create((await attempt()).signed_in)
    for _ in range(479):
        clock.forward(60)
        assert side.sessions.get(token) is not None
    clock.forward(60)

    assert side.sessions.get(token) is None


async def test_step_up_of_somebody_else(side, attempt):
    """A colleague's second factor does not make my session fresh."""
    signed_in = (await attempt()).signed_in
    token, _ = side.sessions.create(signed_in)

    for other in (replace(signed_in, subject="bob"), replace(signed_in, issuer="http://127.0.0.1:9/evil")):
        with pytest.raises(SignInRefused, match="somebody else"):
            side.sessions.note_step_up(token, other, "reveal:key-1")
    with pytest.raises(SignInRefused):
        side.sessions.note_step_up("forged", signed_in, "reveal:key-1")


async def test_step_up_that_is_none(clock, side, attempt):
    """Weak, undated, old and future evidence is no step-up."""
    signed_in = (await attempt()).signed_in
    token, _ = side.sessions.create(signed_in)
    bad = (
        replace(signed_in, mfa=False),
        replace(signed_in, auth_time=None),
        replace(signed_in, auth_time=clock() - timedelta(seconds=301)),
        replace(signed_in, auth_time=clock() + timedelta(seconds=61)),
    )

    for evidence in bad:
        with pytest.raises(StepUpRequired):
            side.sessions.note_step_up(token, evidence, "reveal:key-1")
    assert side.sessions.get(token).fresh_for is None


async def test_step_up_is_for_one_act_once_and_short(clock, side, attempt):
    """A step-up serves its act, once, for 300 s after the authentication."""
    signed_in = (await attempt()).signed_in
    token, _ = side.sessions.create(signed_in)
    side.sessions.note_step_up(token, signed_in, "reveal:key-1")

    assert not side.sessions.spend_step_up(token, "reveal:key-2")
    assert side.sessions.spend_step_up(token, "reveal:key-1")
    assert not side.sessions.spend_step_up(token, "reveal:key-1")
    side.sessions.note_step_up(token, signed_in, "reveal:key-1")
    clock.forward(300)
    assert side.sessions.get(token).fresh_for is None
    assert not side.sessions.spend_step_up(token, "reveal:key-1")


async def test_step_up_ends_with_its_session(clock, side, attempt):
    """A fresh step-up does not outlive the eight hours of its session."""
    signed_in = (await attempt()).signed_in
    token, _ = side.sessions.create(signed_in)
    for _ in range(28):
        clock.forward(1020)
        side.sessions.get(token)
    clock.forward(120)
    side.sessions.note_step_up(token, replace(signed_in, auth_time=clock()), "reveal:key-1")
    clock.forward(120)

    assert not side.sessions.spend_step_up(token, "reveal:key-1")


async def test_older_evidence_never_replaces_newer(side, attempt):
    """A recheck that was under way during a step-up does not take the step-up's evidence back."""
    signed_in = (await attempt()).signed_in
    token, _ = side.sessions.create(signed_in)
    before = side.sessions.row(token)
    side.sessions.note_step_up(token, replace(signed_in, groups=("/new",)), "reveal:key-1")

    assert not side.sessions.replace(before, signed_in)
    assert side.sessions.get(token).signed_in.groups == ("/new",)

"""Gathered, sent once, tried again, given up, bounded."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from infra.notices.outbox import KEEP_NOTICES, Outbox
from tests.support.identity import TurnedClock


def to_operators(_notice):
    """Address everything to the operators."""
    return [("paper", "operators")]


def after(clock: TurnedClock, outbox: Outbox, **span):
    """Let time pass and return the messages that are to be tried then."""
    clock.at += timedelta(**span)
    outbox.bundle()
    return outbox.due()


def test_a_hundred_notices_are_one_message(outbox, clock, notice):
    """A minute is waited for others; then everything goes in one."""
    outbox.take_in([notice(number) for number in range(1, 101)], to_operators, read_to=100)

    assert () == after(clock, outbox, seconds=59)
    (digest,) = after(clock, outbox, seconds=2)
    assert (digest.count, digest.attempts, digest.state) == (100, 0, "waiting")
    assert [one.position for one in outbox.content(digest.digest_id)] == list(range(1, 101))


def test_two_messages_to_one_recipient_lie_apart(outbox, clock, notice):
    """What comes after a message waits until five minutes after it."""
    outbox.take_in([notice(1)], to_operators, read_to=1)
    (first,) = after(clock, outbox, minutes=1)
    outbox.sent(first)
    outbox.take_in([notice(2)], to_operators, read_to=2)

    assert () == after(clock, outbox, minutes=3)
    assert [1] == [one.count for one in after(clock, outbox, minutes=3)]


def test_what_was_read_twice_is_told_once(outbox, clock, notice):
    """A crash between two batches reads one again: same ids, no second message."""
    for _ in range(2):
        outbox.take_in([notice(1)], to_operators, read_to=1)
    (digest,) = after(clock, outbox, minutes=1)
    outbox.sent(digest)
    outbox.take_in([notice(1)], to_operators, read_to=1)

    assert () == after(clock, outbox, minutes=10)
    assert {"pending": 0, "waiting": 0, "sent": 1, "given-up": 0} == outbox.figures()


def test_a_message_keeps_id_and_content_over_attempts(outbox, clock, notice):
    """It is tried ever more rarely; what comes meanwhile is gathered for the next."""
    outbox.take_in([notice(1)], to_operators, read_to=1)
    (digest,) = after(clock, outbox, minutes=1)
    pauses = []
    for _ in range(9):
        outbox.failed(digest, "the mail server answered 451")
        before = clock.at
        while not (found := after(clock, outbox, seconds=60)):
            pass
        assert [digest.digest_id] == [one.digest_id for one in found]
        (digest,) = found
        pauses.append(round((clock.at - before) / timedelta(minutes=1)))
    outbox.take_in([notice(2)], to_operators, read_to=2)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [digest.digest_id] == [one.digest_id for one in after(clock, outbox, minutes=5)]
    assert outbox.deliveries()[0].problem == "the mail server answered 451"


def test_a_message_is_given_up_after_three_days_and_kept(outbox, clock, notice):
    """It stays visible with its problem; what was gathered meanwhile goes next."""
    outbox.take_in([notice(1)], to_operators, read_to=1)
    (digest,) = after(clock, outbox, minutes=1)
    clock.at += timedelta(days=3, minutes=5)
    outbox.take_in([notice(2, at=clock.at)], to_operators, read_to=2)
    outbox.failed(digest, "nobody answers")

    (following,) = after(clock, outbox, minutes=1)
    assert following.digest_id != digest.digest_id
    (given_up,) = outbox.deliveries(state="given-up")
    assert (given_up.digest_id, given_up.problem) == (digest.digest_id, "nobody answers")


def test_the_position_survives_and_is_never_past_the_head(outbox, clock, tmp_path, notice):
    """A restart goes on; after a restore of an older ledger reading begins at its head."""
    assert outbox.position(5) == 0
    outbox.take_in([notice(1)], to_operators, read_to=7)

    assert (outbox.position(9), outbox.position(3)) == (7, 3)


def test_old_news_are_listed_and_not_sent(outbox, clock, notice):
    """What a fresh file reads again of last year wakes nobody."""
    outbox.take_in([notice(1, at=clock.at - timedelta(days=4))], to_operators, read_to=1)

    assert () == after(clock, outbox, minutes=2)
    assert [1] == [one.position for one in outbox.find().notices]


@pytest.mark.parametrize("days", [-400, -1, 1, 400])
def test_a_clock_that_was_set_loses_and_repeats_nothing(outbox, clock, notice, days):
    """A message that waits, and notices that are gathered, get out whatever the clock was set to."""
    outbox.take_in([notice(1)], to_operators, read_to=1)
    (digest,) = after(clock, outbox, minutes=1)
    outbox.failed(digest, "busy")
    clock.at += timedelta(days=days)

    (again,) = after(clock, outbox, hours=2)
    assert again.digest_id == digest.digest_id
    outbox.sent(again)
    outbox.take_in([notice(2, at=clock.at)], to_operators, read_to=2)
    clock.at += timedelta(days=days)
    assert [1] == [one.count for one in after(clock, outbox, minutes=10)]


def test_pages_and_teams(outbox, notice):
    """A team sees what is about its objects; pages follow each other without gap or overlap."""
    many = [notice(number, team_id=f"team-{number % 2}", kind="a" if number % 3 else "b") for number in range(1, 31)]
    outbox.take_in(many, to_operators, read_to=30)

    first = outbox.find(team_ids=("team-1",), limit=10)
    second = outbox.find(team_ids=("team-1",), limit=10, before=first.next_before)
    seen = [one.position for one in (*first.notices, *second.notices)]
    assert seen == list(range(29, 0, -2))
    assert second.next_before is None
    assert [30, 24, 18] == [one.position for one in outbox.find(kind="b", team_ids=("team-0",), limit=3).notices]
    assert () == outbox.find(team_ids=()).notices


def test_the_file_is_bounded(outbox, clock, notice, monkeypatch):
    """The oldest notices go first, whether they were sent or not."""
    monkeypatch.setattr("infra.notices.outbox.KEEP_NOTICES", 50)
    for start in range(1, 200, 20):
        outbox.take_in([notice(number) for number in range(start, start + 20)], to_operators, read_to=start + 19)

    assert KEEP_NOTICES > 50
    assert [200, 151] == [outbox.find(limit=200).notices[place].position for place in (0, -1)]
    (digest,) = after(clock, outbox, minutes=1)
    assert digest.count == 50


def test_two_channels_do_not_wait_for_each_other(outbox, clock, notice, channel):
    """A way out that is closed holds up nobody else."""
    outbox.take_in([notice(1)], lambda _: [("paper", "operators"), ("mail", "operators")], read_to=1)
    by_channel = {one.channel: one for one in after(clock, outbox, minutes=1)}
    outbox.failed(by_channel["mail"], "closed")
    asyncio.run(channel.send(by_channel["paper"], outbox.content(by_channel["paper"].digest_id)))
    outbox.sent(by_channel["paper"])

    assert {"paper": "sent", "mail": "waiting"} == {one.channel: one.state for one in outbox.deliveries()}

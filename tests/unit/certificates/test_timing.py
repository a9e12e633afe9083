"""When a certificate is due, when somebody is told, how long a failure waits: for every life a certificate may have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.certificates.timing import EXPIRED, JITTER_PERCENT, Life, jitter, life

START = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECONDS = st.integers(min_value=300, max_value=10 * 366 * 86_400)
PERCENTS = st.integers(min_value=10, max_value=95)
IDS = st.uuids().map(lambda one: f"certificate-{one}")
DAY = timedelta(days=1)


def lived(seconds: int, percent: int = 67, certificate_id: str = "certificate-1") -> Life:
    """Return the times of a certificate that lives so long."""
    return life(
        begins=START,
        ends=START + timedelta(seconds=seconds),
        percent=percent,
        certificate_id=certificate_id,
    )


@given(SECONDS, PERCENTS, IDS)
def test_a_renewal_is_due_at_its_share_of_life_less_its_jitter(seconds, percent, certificate_id):
    """Never later than the share, never earlier than the jitter allows, and always the same for one certificate."""
    times = lived(seconds, percent, certificate_id)
    share = timedelta(seconds=seconds) * percent / 100
    early = timedelta(seconds=seconds) * JITTER_PERCENT / 100 + timedelta(seconds=1)

    assert START + share - early <= times.due <= START + share
    assert times == lived(seconds, percent, certificate_id)


@given(SECONDS, PERCENTS, IDS)
def test_levels_come_one_after_another_between_due_and_end(seconds, percent, certificate_id):
    """Nobody is told before anything was tried, and the last level is the end itself."""
    times = lived(seconds, percent, certificate_id)
    moments = [times.due, *(times.escalates(level) for level in range(1, EXPIRED + 1))]

    assert moments == sorted(set(moments))
    assert moments[-1] == times.expires
    assert [times.level_at(moment) for moment in moments] == list(range(EXPIRED + 1))


@given(SECONDS, st.integers(min_value=1, max_value=10_000))
def test_failures_wait_longer_and_longer_within_bounds(seconds, attempt):
    """From half a minute to a day; a later attempt never waits less than an earlier one."""
    times = lived(seconds)
    waits = [times.wait_after(number) for number in (attempt, attempt + 1)]

    assert waits == sorted(waits)
    assert timedelta(seconds=30) <= waits[0] <= waits[1] <= DAY


@given(SECONDS)
def test_there_is_time_for_several_attempts_before_the_first_level(seconds):
    """Three attempts fail before anybody is called, unless the certificate lives for minutes only."""
    times = lived(seconds)
    if seconds < 3_600:
        return
    spent = sum((times.wait_after(number) * 1.25 for number in (1, 2)), timedelta(0))

    assert times.due + spent < times.escalates(1)


def test_usual_lives():
    """The figures that the README tells."""
    ninety, month, hour = lived(90 * 86_400), lived(30 * 86_400), lived(3_600)

    assert [ninety.expires - ninety.escalates(level) for level in (1, 2, 3)] == [14 * DAY, 7 * DAY, 2 * DAY]
    assert timedelta(days=4) < month.expires - month.escalates(1) < timedelta(days=6)
    assert timedelta(minutes=9) < hour.expires - hour.escalates(1) < timedelta(minutes=12)


def test_jitter_spreads():
    """Of ten thousand certificates of one moment no tenth of the jitter gets more than twice its share."""
    tenths = [0] * 10
    for number in range(10_000):
        tenths[int(jitter(f"certificate-{number}") * 10)] += 1

    assert max(tenths) < 2_000
    assert min(tenths) > 500

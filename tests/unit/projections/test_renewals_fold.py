"""Renewals: given events, when folded, then what is due when and for whom."""

from __future__ import annotations

from datetime import timedelta

from domain.certificates.renewal import Renewal
from domain.certificates.timing import Life
from domain.moments import microseconds
from projections.certificates.renewals import NEVER_US, RENEWALS
from projections.hosts.deployments import DEPLOYMENTS
from projections.hosts.queue import QUEUE
from tests.support.memoryledger import at
from tests.support.story import EVIDENCE, certificate, deployment

DAY = 86_400
LIFE = Life(at(20 * DAY), at(30 * DAY))


def planned() -> Renewal:
    """Return the renewal of certificate-1, due after 20 of 30 days."""
    return Renewal.plan(certificate_id="certificate-1", team_id="team-1", life=LIFE, at=at())


def test_it_is_looked_at_when_it_is_due(folded):
    """A planned renewal wakes the scheduler at its time, and is the team's."""
    (row,) = folded(RENEWALS)(planned()).values()

    assert (row["certificate_id"], row["state"], row["team_id"]) == ("certificate-1", "planned", "team-1")
    assert row["due_us"] == row["next_us"] == row["wake_us"] == microseconds(at(20 * DAY))


def test_it_is_looked_at_for_whatever_comes_first(folded):
    """The next attempt, or the next level; with the key made only the levels are left, at the end nothing is."""
    fold, one = folded(RENEWALS), planned()
    one.start(order_id="order-2", cause="renewal", until=at(27 * DAY), at=at(20 * DAY))
    (row,) = fold(one).values()
    assert (row["state"], row["order_id"], row["attempt"]) == ("started", "order-2", 1)
    assert row["wake_us"] == microseconds(LIFE.escalates(1))

    one.escalate(at=LIFE.escalates(1))
    (row,) = fold(one).values()
    assert (row["level"], row["wake_us"]) == (1, microseconds(at(27 * DAY)))

    one.answered(order_id="order-2", at=at(26 * DAY))
    (row,) = fold(one).values()
    assert (row["next_us"], row["wake_us"]) == (None, microseconds(LIFE.escalates(2)))

    one.complete(by="certificate-2", at=at(26 * DAY))
    (row,) = fold(one).values()
    assert (row["state"], row["completed_by"], row["wake_us"]) == ("completed", "certificate-2", NEVER_US)
    assert row["is_open"] is False


def test_a_failure_says_why_and_when_again(folded):
    """The rule and the next attempt stand in the row."""
    fold, one = folded(RENEWALS), planned()
    one.fail(rule="profile-retired", at=at(20 * DAY))
    (row,) = fold(one).values()

    assert (row["state"], row["rule"], row["attempt"]) == ("failed", "profile-retired", 1)
    assert microseconds(at(20 * DAY)) < row["wake_us"] <= microseconds(at(20 * DAY) + timedelta(hours=2))


def test_a_brought_key_is_watched_without_an_event(folded):
    """A certificate for the caller's own key has its row from the start; one that is never issued loses it."""
    fold, mine = folded(RENEWALS), certificate(9)
    mine.pending_events[0] = mine.pending_events[0].model_copy(update={"host_id": None})
    (row,) = fold(mine).values()
    assert (row["state"], row["certificate_id"], row["next_us"]) == ("watched", mine.id, None)

    mine.fail(reason="signing-failed", at=at(1))
    assert fold(mine) == {}


def test_a_revoked_certificate_is_watched_no_more(folded):
    """Nothing is to come for it, so it does not stand among what is open."""
    fold, mine = folded(RENEWALS), certificate(9)
    mine.pending_events[0] = mine.pending_events[0].model_copy(update={"host_id": None})
    mine.issued(certificate="", fingerprint="ab" * 32, at=at(1))
    (row,) = fold(mine).values()
    assert row["is_open"] is True

    mine.revoke(reason="superseded", at=at(2))
    (row,) = fold(mine).values()
    assert (row["state"], row["is_open"]) == ("watched", False)


def test_what_was_served_reads_replaced_once_another_is_proven_there(folded):
    """One place serves one certificate; the former deployment does not read served any more."""
    fold, former, present = folded(DEPLOYMENTS), deployment(1), deployment(2, certificate_id="certificate-2")
    for number, one in enumerate((former, present)):
        one.report_served(evidence=EVIDENCE, previous=None, at=at(number))
    rows = fold(former, present)

    assert [rows[one.id]["state"] for one in (former, present)] == ["replaced", "served"]


def test_what_a_superseded_certificate_served_reads_replaced(folded):
    """Also where the successor is installed elsewhere."""
    fold, made, served = folded(DEPLOYMENTS), certificate(1), deployment(1)
    served.report_served(evidence=EVIDENCE, previous=None, at=at(1))
    made.issued(certificate="AAAA", fingerprint="f" * 64, at=at(1))
    made.supersede(by="certificate-2", at=at(2))
    (row,) = fold(served, made).values()

    assert row["state"] == "replaced"


def test_an_overtaken_installation_is_no_task(folded):
    """The queue drops it, the list tells it, and it may be asked for again by nobody's accident."""
    queue, plan = folded(QUEUE), deployment()
    assert len(queue(plan)) == 1
    plan.overtake(by="order-2", at=at(1))

    assert queue(plan) == {}

"""Planned revocations, removals and withdrawals: given events, when folded, then rows."""

from __future__ import annotations

from datetime import timedelta

from domain.certificates.revocation import Plan
from domain.hosts.deployment import NO_DISABLER
from projections.certificates.inventory import INVENTORY
from projections.certificates.planned_revocations import PLANNED_REVOCATIONS
from projections.hosts.deployments import DEPLOYMENTS
from projections.hosts.queue import QUEUE
from projections.issuers.revocations import REVOCATIONS
from tests.support.memoryledger import T0_US, at
from tests.support.story import EVIDENCE, HOST, certificate, deployment

DAY_US = 86_400_000_000
FAILED = {"detail": "no", "rolled_back": False, "served_now": None}


def issued():
    """Return an issued certificate that lives for a hundred thousand seconds."""
    made = certificate(1_000)
    made.issued(certificate="AAAA", fingerprint="f" * 64, at=at(1))
    return made


def plan(order_id: str | None = "order-2") -> Plan:
    """Return a plan for tomorrow."""
    return Plan(reason="superseded", at_latest=at(1) + timedelta(days=1), order_id=order_id)


def test_a_plan_is_a_row_until_it_is_over(folded):
    """Planned, its place taken, revoked: then nothing is due any more, and the inventory says why it ended."""
    due, inventory, made = folded(PLANNED_REVOCATIONS), folded(INVENTORY), issued()
    made.plan_revocation(plan(), at=at(1))
    (row,) = due(made).values()
    assert (row["order_id"], row["replaced"]) == ("order-2", False)
    assert row["at_latest_us"] == T0_US + 1_000_000 + DAY_US

    made.supersede(by="certificate-9", at=at(2))
    (row,) = due(made).values()
    assert row["replaced"]
    made.revoke(reason="superseded", at=at(3))
    assert due(made) == {}

    again = issued()
    again.plan_revocation(plan(), at=at(1))
    (shown,) = inventory(again).values()
    assert (shown["state"], shown["revocation_order_id"], shown["revocation_reason"]) == (
        "issued", "order-2", "superseded",
    )  # fmt: skip
    again.revoke(reason="keyCompromise", invalidity_date=at(0), at=at(3))
    (shown,) = inventory(again).values()
    assert (shown["revoke_at_latest_us"], shown["revocation_reason"]) == (None, "keyCompromise")
    assert shown["invalidity_us"] == T0_US


def test_what_is_called_off_is_no_row(folded):
    """Neither is a plan that waits for nothing taken as replaced when the certificate is superseded."""
    due, made = folded(PLANNED_REVOCATIONS), issued()
    made.plan_revocation(plan(order_id=None), at=at(1))
    made.supersede(by="certificate-9", at=at(2))
    (row,) = due(made).values()
    assert not row["replaced"]
    made.call_off_revocation(at=at(3))

    assert due(made) == {}


def test_a_graver_reason_takes_the_milder_ones_place(folded):
    """The line of the CRL keeps its date and takes reason and invalidity date of the later revocation."""
    lines, made = folded(REVOCATIONS), issued()
    made.revoke(reason="superseded", at=at(2))
    made.revoke(reason="keyCompromise", invalidity_date=at(1), at=at(5))
    (row,) = lines(made).values()

    assert (row["reason"], row["revoked_us"], row["invalidity_us"]) == (
        "keyCompromise", T0_US + 2_000_000, T0_US + 1_000_000,
    )  # fmt: skip


def test_a_removal_is_a_task_until_it_is_reported(folded):
    """The installation's task is gone with its proof; each removal asked for is a task of its own."""
    queue, made = folded(QUEUE), deployment()
    made.target = made.target.model_copy(update={"disabler": "www-off"})
    made.report_served(evidence=EVIDENCE, previous=None, at=at(1))
    made.plan_removal(at=at(2))
    (row,) = queue(made).values()
    assert (row["kind"], row["open"], row["host_id"], row["attempt"]) == ("remove", True, HOST, 1)
    assert row["task_id"] == made.removal_task_id

    made.refuse_removal(stage="disable", at=at(3), **FAILED)
    assert queue(made) == {}
    made.plan_removal(at=at(4))
    (row,) = queue(made).values()
    assert row["attempt"] == 2
    made.report_removed(evidence=(), detail="", at=at(5))
    assert queue(made) == {}


def test_a_deployment_says_why_it_was_not_removed(folded):
    """The host's words stand in the row, and are gone once it is asked again."""
    places, made = folded(DEPLOYMENTS), deployment()
    made.report_served(evidence=EVIDENCE, previous=None, at=at(1))
    made.plan_removal(at=at(2))
    (row,) = places(made).values()

    assert (row["state"], row["stage"], row["detail"]) == ("removal-refused", "refused", NO_DISABLER)


def test_a_withdrawn_installation_is_asked_of_nobody(folded):
    """Its task is closed and kept: the agent may be at it, and what it reports then is looked at."""
    queue, made = folded(QUEUE), deployment()
    made.withdraw(at=at(1))
    (row,) = queue(made).values()

    assert (row["kind"], row["open"]) == ("install", False)

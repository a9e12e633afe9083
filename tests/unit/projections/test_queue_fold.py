"""The agents' queue: given events, when folded, then these tasks are open."""

from __future__ import annotations

import pytest

from domain.hosts.host import Host
from projections.hosts.queue import QUEUE, install_id, make_key_id
from tests.support.memoryledger import at
from tests.support.story import EVIDENCE, HOST, accept, deployment, order


@pytest.fixture
def tasks(folded):
    """Fold what aggregates have pending and return the open tasks by id."""
    fold = folded(QUEUE)

    def open_tasks(*aggregates):
        return {task_id: row for task_id, row in fold(*aggregates).items() if row["open"]}

    return open_tasks


def _approved(number=1, **parts):
    wanted = order(number, **parts)
    wanted.approve_by_policy(at=at())
    return wanted


def test_nothing_is_asked_for_before_the_approval(tasks):
    """A waiting order gives the agents nothing to do; the approval gives each of its hosts one key to make."""
    wanted = order(hosts=("host-1", "host-2", "host-1"))

    assert tasks(wanted) == {}

    wanted.approve_by_policy(at=at())
    found = tasks(wanted)

    assert set(found) == {make_key_id("order-1", "host-1", 1), make_key_id("order-1", "host-2", 1)}
    one = found[make_key_id("order-1", "host-2", 1)]
    assert (one["kind"], one["dns_names"], one["key_algorithm"]) == ("make-key", ["shop.test"], "EC-P256")
    assert (one["common_name"], one["generation"], one["ip_addresses"]) == ("shop.test", 1, ["192.0.2.7"])


def test_a_callers_own_csr_needs_no_key_from_a_host(tasks):
    """Where the caller brought a CSR, no host is asked for a key."""
    assert tasks(_approved(csr="MIIB")) == {}


def test_an_accepted_key_closes_its_task(tasks):
    """The task ends when the key is accepted, and comes back under the same id when the issuance is reopened."""
    wanted = _approved()
    tasks(wanted)
    accept(wanted)

    assert tasks(wanted) == {}

    wanted.reopen_issuance(host_id=HOST, certificate_id="certificate-1", at=at(20))

    assert list(tasks(wanted)) == [make_key_id("order-1", HOST, 1)]


def test_a_refused_key_asks_for_the_next_generation(tasks):
    """A refused key is a new task; after the last generation the order is abandoned and nothing is asked for."""
    wanted = _approved()
    wanted.refuse_key(host_id=HOST, rule="key-strength", at=at(5))

    assert list(tasks(wanted)) == [make_key_id("order-1", HOST, 2)]

    while wanted.state == "approved":
        wanted.refuse_key(host_id=HOST, rule="key-strength", at=at(5))

    assert tasks(wanted) == {}


@pytest.mark.parametrize("end", ["cancel", "reject"])
def test_an_ended_order_asks_for_nothing(tasks, end):
    """Cancelling an approved order and rejecting a waiting one leave no task."""
    wanted = _approved() if end == "cancel" else order()
    if end == "cancel":
        wanted.cancel(at=at(5))
    else:
        wanted.reject(rejecter="p-bob", at=at(5))

    assert tasks(wanted) == {}


def test_installation_until_it_is_served(tasks):
    """A planned deployment is a task until it is served; a failed one waits until it is retried, as a new attempt."""
    plan = deployment()

    (task,) = tasks(plan).values()
    assert (task["kind"], task["certificate_id"], task["attempt"]) == ("install", "certificate-1", 1)
    assert task["target"]["directory"] == "/etc/tls/shop"

    plan.report_failed(stage="probe", detail="x", rolled_back=True, served_now=None, at=at(1))
    assert tasks(plan) == {}

    plan.retry(at=at(2))
    assert list(tasks(plan)) == [install_id("deployment-1", 2)] == [plan.task_id]

    plan.report_served(evidence=EVIDENCE, previous=None, at=at(3))
    assert tasks(plan) == {}


def test_a_disabled_host_is_asked_for_nothing(tasks):
    """All tasks of a host vanish when it is disabled; those of others stay."""
    host = Host.register(name="web.test", team_id="team-1", at=at())
    tasks(host, _approved(1, hosts=(host.id, "host-2")), _approved(2, hosts=(host.id,)))

    host.disable(at=at(1))

    assert list(tasks(host)) == [make_key_id("order-1", "host-2", 1)]

"""SIGKILL in the middle of a bulk call: the same call again answers what is there and does the rest."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from random import Random

import httpx2
import pytest

from domain.access.team import Team
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order
from domain.profiles.profile import Profile
from infra.ledger.paging import walk
from tests.support.crash_backend import CrashBackend, eventually
from tests.support.crash_stream import Stream, fresh_csr

ITEMS = 300


def ask(backend, items):
    """Send the bulk call, always with the same key; None where nobody answers."""
    headers = {"Authorization": f"Bearer {backend.machine('ci-shop')}", "Idempotency-Key": "night-shift"}
    with backend.client() as client:
        try:
            answer = client.post("/api/v1/orders/bulk", json={"items": items}, headers=headers)
        except httpx2.HTTPError:
            return None
    return answer.raise_for_status().json()


@pytest.mark.timeout(180)
def test_a_killed_bulk_call_is_finished_by_repeating_it(tmp_path):
    """One order for each item, none twice; what the crash cut off is an order with a failed issuance."""
    with CrashBackend(tmp_path) as backend:
        Stream(backend, Random(7)).furnish()
        aim = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web")}
        items = [{**aim, "csr": fresh_csr(f"bulk{number}.shop.test")} for number in range(ITEMS)]
        with backend.ledger() as ledger, ThreadPoolExecutor(1) as pool:
            begun = ledger.head().position
            first = pool.submit(ask, backend, items)
            eventually(lambda: ledger.head().position > begun + 300, "the call has come to its first step")
            backend.kill()
            assert first.result() is None
        backend.start()
        told, again = ask(backend, items), ask(backend, items)
        backend.kill()
        with backend.ledger() as ledger:
            assert ledger.verify().holds
            topics = [event.topic for entry in walk(ledger) for event in entry.events if event.position > begun]

    assert {"done": ITEMS, "refused": 0, "failed": 0} == told["counts"]
    assert told["items"] == again["items"]
    assert ITEMS == topics.count(Order.Requested.TOPIC)
    cut = sum(one["status"] == 202 for one in told["items"])
    assert (ITEMS - cut, cut) == tuple(map(topics.count, (Certificate.Issued.TOPIC, Certificate.IssuanceFailed.TOPIC)))

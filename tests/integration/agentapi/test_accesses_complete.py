"""The whole ledger replayed: "who accessed this certificate?" misses nothing and invents nothing.

The other side of the comparison reads the ledger's raw bytes: it looks for ids in them, and knows no folds or rows.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from domain.keys.key import Key
from projections.audit.search import AUDIT
from tests.support.agent_edge import SHOWN, csr_of, evidence, new_key

NO_ACCESS = {
    "sslclm.certificate.issued.v1", "sslclm.certificate.superseded.v1", "sslclm.order.key-accepted.v1",
    "sslclm.order.target-served.v1", "sslclm.order.fulfilled.v1", "sslclm.renewal.planned.v1",
}  # fmt: skip
"""What of this story is no access: ends of what was announced, steps of work."""


@pytest.fixture(scope="module")
def story(lab):
    """Return three certificates: of two hosts in one order, and one for a key of the caller's own."""
    return asyncio.run(live(lab))


async def live(lab) -> list[str]:
    """Live the story: one host fails and tries again; there are refusals, looks, and a revocation."""
    one, two = await lab.agent("a1.shop.test"), await lab.agent("a2.shop.test")
    order = await lab.order(one.host_id, two.host_id)
    for agent in (one, two):
        made = (await lab.tasks(agent))[0]
        csr = csr_of(new_key(), *made["parameters"]["dns_names"])
        await lab.report(agent, made["task_id"], outcome="done", csr=csr)
        await lab.lab.backend.views.wait_for(lab.lab.position())
    await serve(lab, one)
    await fail(lab, two)
    certificates = await certificates_of(lab, order)
    async with lab.lab.client("dev-ben") as ben, lab.lab.client("sec-olga") as olga, lab.lab.client("vera") as vera:
        for path in (f"orders/{order}", *(f"certificates/{each}" for each in certificates)):
            await ben.get(f"/api/v1/{path}")
        await vera.get(f"/api/v1/audit/objects/{order}")
        await vera.get(f"/api/v1/audit/objects/{certificates[0]}")
        wish = {"revocation_reason": "superseded", "reason": "moved"}
        await olga.post(f"/api/v1/certificates/{certificates[1]}/revoke", json=wish, headers=lab.lab.key())
    async with lab.lab.client("dev-anna") as anna:
        body = {**lab.lab.order(), "csr": csr_of(new_key(), "own.shop.test")}
        own = (await anna.post("/api/v1/orders", json=body, headers=lab.lab.key())).json()
    await lab.lab.backend.views.wait_for(lab.lab.position())
    return [*certificates, own["certificate_id"]]


async def certificates_of(lab, order: str) -> list[str]:
    """Return the certificates of an order."""
    async with lab.lab.client("vera") as vera:
        return list((await vera.get(f"/api/v1/orders/{order}")).json()["certificates"].values())


async def serve(lab, agent) -> None:
    """Let an agent install what it is told to."""
    task = (await lab.tasks(agent))[0]
    shown = evidence(task["parameters"]["fingerprint"], SHOWN)
    assert (await lab.report(agent, task["task_id"], outcome="served", evidence=shown)).status_code == 200
    await lab.lab.backend.views.wait_for(lab.lab.position())


async def fail(lab, agent) -> None:
    """Let an agent fail once, have it asked again, and let it succeed."""
    task = (await lab.tasks(agent))[0]
    said = {"outcome": "failed", "stage": "reload", "detail": "no", "rolled_back": True}
    assert (await lab.report(agent, task["task_id"], **said)).status_code == 200
    await lab.lab.backend.views.wait_for(lab.lab.position())
    async with lab.lab.client("dev-anna") as anna:
        path = f"/api/v1/deployments/{task['parameters']['deployment_id']}/retry"
        assert (await anna.post(path, json={}, headers=lab.lab.key())).status_code == 200
    await lab.lab.backend.views.wait_for(lab.lab.position())
    await serve(lab, agent)


def told_by_the_bytes(lab, certificate_id: str) -> list[int]:
    """Return the positions of what concerns a certificate, found by looking for ids in the ledger's bytes."""
    events = [one for entry in lab.lab.backend.ledger.entries(1, limit=100_000) for one in entry.events]
    started = next(json.loads(one.state) for one in events if one.stream_id == certificate_id)
    key, order = Key.id_for(started["spki_sha256"]), started["order_id"]
    plans = {one.stream_id: one.state.decode() for one in events if one.topic == "sslclm.deployment.planned.v1"}
    mine = {certificate_id, key, *(stream for stream, state in plans.items() if certificate_id in state)}
    others = {one.stream_id for one in events if one.topic == "sslclm.certificate.issuance-started.v1"} - mine
    others |= set(plans) - mine
    return [
        one.position
        for one in events
        if one.topic not in NO_ACCESS and concerns(one.stream_id, one.state.decode(), mine, order, others)
    ]


def concerns(stream_id: str, state: str, mine: set[str], order: str, others: set[str]) -> bool:
    """Tell whether an event is about what is mine, or about the order and not about another certificate of it."""
    if stream_id in mine or any(one in state for one in mine):
        return True
    of_the_order = stream_id == order or order in state
    return of_the_order and stream_id not in others and not any(one in state for one in others)


async def answer(lab, certificate_id: str) -> list[int]:
    """Return what the interface tells, page by page."""
    positions: list[int] = []
    cursor: dict[str, str] = {}
    async with lab.lab.client("adam") as adam:
        while True:
            path = f"/api/v1/audit/certificates/{certificate_id}/accesses"
            page = (await adam.get(path, params={"limit": 3, **cursor})).json()
            positions += [one["position"] for one in page["items"]]
            if page["next_cursor"] is None:
                return positions
            cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("number", range(3))
async def test_nothing_is_missed_and_nothing_is_invented(lab, story, number):
    """The answer about each certificate is exactly what the ledger's bytes say of it, newest first."""
    expected = told_by_the_bytes(lab, story[number])
    found = await answer(lab, story[number])

    assert len(expected) >= 4
    assert found == sorted(expected, reverse=True)


async def test_a_rebuild_gives_the_same_index(lab, story):
    """Folded anew from the first event, the audit index has the same rows: none of them hangs on when it was folded."""
    views = lab.lab.backend.views
    before = [views.get(AUDIT, position) for position in range(1, views.position + 1)]
    lab.lab.backend.runner.rebuild(AUDIT)
    after = [views.get(AUDIT, position) for position in range(1, len(before) + 1)]

    assert before == after
    assert len(story) == 3

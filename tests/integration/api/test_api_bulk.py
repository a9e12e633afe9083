"""Many requests or revocations in one call: judged alone, answered alone, recorded together."""

from __future__ import annotations

import asyncio

import pytest

from api.bulk import CALLS_AT_ONCE, IN_STEP
from commands.ports.ledger import LedgerUnavailable
from domain.certificates.certificate import Certificate
from domain.certificates.order import Order

BULK, REVOKE = "/api/v1/orders/bulk", "/api/v1/certificates/bulk-revoke"
SINGLE_MEMBERS = {"order_id", "state", "certificate_id", "serial", "not_after", "certificate", "chain"}


async def ask(client, lab, path, items, key=None):
    """Send a bulk call that is taken as a whole; returns its answer."""
    answer = await client.post(path, json={"items": items}, headers=key or lab.key())
    assert 200 == answer.status_code, answer.text
    return answer.json()


async def certificates(lab, client, *names):
    """Have certificates issued in one call; returns their ids, once lists know of them."""
    told = await ask(client, lab, BULK, [lab.order(name) for name in names])
    await lab.backend.views.wait_for(told["position"])
    return [one["answer"]["certificate_id"] for one in told["items"]]


@pytest.fixture
def writes(lab):
    """Return the sizes of the durable writes while a test runs, in entries."""
    sizes = []
    end = lab.backend.ledger.subscribe(lambda entries: sizes.append(len(entries)))
    yield sizes
    end()


async def test_many_are_issued_in_one_call(lab, anna):
    """Each answer is that of a single call, in the order of the items, and each certificate is for its own name."""
    names = [f"many-{number}.shop.test" for number in range(5)]
    told = await ask(anna, lab, BULK, [lab.order(name) for name in names])
    await lab.backend.views.wait_for(told["position"])
    rows = [(await anna.get(f"/api/v1/certificates/{one['answer']['certificate_id']}")).json() for one in told["items"]]

    assert {"done": 5, "refused": 0, "failed": 0} == told["counts"]
    assert [0, 1, 2, 3, 4] == [one["index"] for one in told["items"]]
    assert {201} == {one["status"] for one in told["items"]}
    assert all(set(one["answer"]) == SINGLE_MEMBERS for one in told["items"])
    assert [[name] for name in names] == [row["dns_names"] for row in rows]
    assert lab.position() == told["position"]


async def test_each_item_is_an_entry_and_all_are_few_writes(lab, anna, writes):
    """Two entries for each item, one with the intention and one with the certificate; two writes for a whole step."""
    items = [lab.order(f"few-{number}.shop.test") for number in range(IN_STEP + 10)]
    told = await ask(anna, lab, BULK, items)

    assert len(items) == told["counts"]["done"]
    assert 2 * len(items) == sum(writes)
    assert len(writes) <= 8
    assert IN_STEP in writes


async def test_an_item_that_is_refused_stops_no_other(lab, anna):
    """What breaks policy, is no CSR, or is no item at all has its own problem document; the neighbours are issued."""
    bad = [lab.order("www.evil.test"), lab.order(csr="no PEM"), {"team_id": lab.team()}, None, 5, [], "x"]
    items = [lab.order("before.shop.test"), *bad, lab.order("after.shop.test")]
    told = await ask(anna, lab, BULK, items)
    middle = told["items"][1:-1]

    assert {"done": 2, "refused": 7, "failed": 0} == told["counts"]
    assert [201, *[422] * 7, 201] == [one["status"] for one in told["items"]]
    assert "names-inside-profile" == middle[0]["problem"]["rule"]
    assert all(one["problem"]["fix"] and one["problem"]["correlation_id"] for one in middle)
    assert not any("answer" in one for one in middle)


async def test_what_waits_for_people_is_accepted(lab, anna):
    """An item may wait while another is issued."""
    await lab.define("slow", "shop", approval="manual")
    items = [lab.order("waits.shop.test", profile="slow"), lab.order("goes.shop.test")]
    told = await ask(anna, lab, BULK, items)

    assert [(202, "waiting"), (201, "fulfilled")] == [(one["status"], one["answer"]["state"]) for one in told["items"]]


async def test_a_repeated_call_answers_and_issues_nothing_twice(lab, anna):
    """The same key and items: the same answers, word for word, and an unchanged ledger."""
    key, items = lab.key(), [lab.order("again-1.shop.test"), lab.order("www.evil.test"), lab.order("again-2.shop.test")]
    first = await ask(anna, lab, BULK, items, key)
    head = lab.position()
    again = await ask(anna, lab, BULK, items, key)

    issued = [one["answer"] for one in first["items"] if one["status"] == 201]
    assert issued == [one["answer"] for one in again["items"] if one["status"] == 201]
    assert first["counts"] == again["counts"]
    assert [] == [topic for topic in lab.topics(head) if topic != "sslclm.access.refused.v1"]


async def test_items_are_known_by_what_they_say(lab, anna):
    """In another order and among others, under the same key: what is there is answered, what is new is done."""
    key, one, two = lab.key(), lab.order("say-1.shop.test"), lab.order("say-2.shop.test")
    first = await ask(anna, lab, BULK, [one, two], key)
    head = lab.position()
    told = await ask(anna, lab, BULK, [lab.order("say-3.shop.test"), two, one], key)
    single = await anna.post("/api/v1/orders", json=one, headers=key)

    assert [item["answer"] for item in first["items"]] == [told["items"][place]["answer"] for place in (2, 1)]
    assert [201, 201, 201] == [item["status"] for item in told["items"]]
    assert (201, 2) == (single.status_code, lab.topics(head).count(Certificate.Issued.TOPIC))


async def test_what_a_failure_cut_off_is_done_by_repeating(lab, anna, monkeypatch):
    """The store fails in the middle: the call says what is not done, and the same call again does exactly that."""
    key, items = lab.key(), [lab.order(f"cut-{number}.shop.test") for number in range(IN_STEP + 5)]
    ledger, append, appended = type(lab.backend.ledger), type(lab.backend.ledger).append, 0

    async def filling(self, draft):
        nonlocal appended
        appended += 1
        if appended > 2 * IN_STEP - 7:
            raise LedgerUnavailable("the disk is full")
        return await append(self, draft)

    head = lab.position()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "append", filling)
        first = await ask(anna, lab, BULK, items, key)
    again = await ask(anna, lab, BULK, items, key)

    assert {"done": IN_STEP - 7, "refused": 0, "failed": 12} == first["counts"]
    assert {"half-recorded", "ledger-unavailable"} == {
        one["problem"]["rule"] for one in first["items"] if one["status"] == 503
    }
    assert {"done": len(items), "refused": 0, "failed": 0} == again["counts"]
    assert first["items"][0] == again["items"][0]
    assert len(items) == lab.topics(head).count(Order.Requested.TOPIC)
    assert len(items) - 7 == lab.topics(head).count(Certificate.Issued.TOPIC)


async def test_ten_equal_calls_at_once_are_one(lab, anna):
    """Whoever repeats a call while it runs gets the same orders; beyond the limit a call is put off untouched."""
    key, items = lab.key(), [lab.order(f"race-{number}.shop.test") for number in range(3)]
    head = lab.position()
    calls = (anna.post(BULK, json={"items": items}, headers=key) for _ in range(CALLS_AT_ONCE + 2))
    answers = await asyncio.gather(*calls)
    last = await ask(anna, lab, BULK, items, key)

    assert {200, 503} == {one.status_code for one in answers}
    assert {"bulk-busy"} == {one.json()["rule"] for one in answers if one.status_code == 503}
    assert 3 == lab.topics(head).count(Certificate.Issued.TOPIC) == last["counts"]["done"]


async def test_many_are_revoked_in_one_call(lab, anna):
    """Each with its own reason; what is revoked already or unknown is refused alone."""
    good = await certificates(lab, anna, "rev-1.shop.test", "rev-2.shop.test", "rev-3.shop.test")
    wishes = [{"certificate_id": one, "revocation_reason": "superseded", "reason": "drill"} for one in good]
    told = await ask(anna, lab, REVOKE, [*wishes, {"certificate_id": "certificate-nope"}])
    again = await ask(anna, lab, REVOKE, wishes[:1])
    await lab.backend.views.wait_for(told["position"])
    row = (await anna.get(f"/api/v1/certificates/{good[0]}")).json()

    assert [200, 200, 200, 404] == [one["status"] for one in told["items"]]
    assert good == [one["answer"]["id"] for one in told["items"][:3]]
    assert {"revoked"} == {one["answer"]["state"] for one in told["items"][:3]}
    assert "revoked" == row["state"]
    assert [409] == [one["status"] for one in again["items"]]


async def test_a_repeated_revocation_answers_from_the_ledger(lab, anna, writes):
    """The same call with its key: the same answers, nothing recorded."""
    good = await certificates(lab, anna, *(f"rerev-{number}.shop.test" for number in range(20)))
    key, wishes = lab.key(), [{"certificate_id": one} for one in good]
    writes.clear()
    first = await ask(anna, lab, REVOKE, wishes, key)
    stored = list(writes)
    again = await ask(anna, lab, REVOKE, wishes, key)

    assert [20] == stored == writes
    assert first["items"] == again["items"]


async def test_the_document_describes_both(lab):
    """Items are described as what they must be, though each is read by itself."""
    document = lab.app.openapi()
    schemas = document["components"]["schemas"]

    for path, model in ((BULK, "OrderBatch"), (REVOKE, "RevocationBatch")):
        assert model in str(document["paths"][path]["post"]["requestBody"])
        assert (1, 1000) == tuple(schemas[model]["properties"]["items"][name] for name in ("minItems", "maxItems"))
    assert "RequestCertificate" in str(schemas["OrderBatch"])

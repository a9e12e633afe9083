"""When parts fail or callers race: no certificate is lost, none is issued twice, and answers say what happened."""

from __future__ import annotations

import asyncio

from commands.ports.ledger import LedgerUnavailable
from domain.certificates.certificate import Certificate
from domain.errors import Unavailable

ORDERS = "/api/v1/orders"


async def test_ten_calls_with_one_key_are_one_order(lab, anna):
    """Whoever repeats a call while it runs gets the same order; one certificate is issued."""
    key, wish, head = lab.key(), lab.order("race.shop.test"), lab.position()

    answers = await asyncio.gather(*(anna.post(ORDERS, json=wish, headers=key) for _ in range(10)))
    last = await anna.post(ORDERS, json=wish, headers=key)

    assert {201, 202} >= {one.status_code for one in answers}
    assert 1 == len({one.json()["order_id"] for one in (*answers, last)})
    assert (201, 1) == (last.status_code, lab.topics(head).count(Certificate.Issued.TOPIC))


async def test_a_signature_that_fails_leaves_an_order_to_resume(lab, anna, monkeypatch):
    """202 with the order; the serial is spent; resuming certifies the same key once the signer answers again."""

    async def broken(*_arguments):
        raise Unavailable("the key does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.edge.issuers), "sign", broken)
        failed = await anna.post(ORDERS, json=lab.order("hsm.shop.test"), headers=lab.key())
    path = failed.headers["Location"]
    resumed = await anna.post(f"{path}/resume", headers=lab.key())
    shown = await anna.get(path, headers={"Min-Ledger-Position": resumed.headers["Ledger-Position"]})

    assert (202, "approved") == (failed.status_code, failed.json()["state"])
    assert (200, "fulfilled") == (resumed.status_code, resumed.json()["state"])
    assert [resumed.json()["certificate_id"]] == list(shown.json()["certificates"].values())


async def test_a_full_disk_refuses_with_a_503(lab, anna, ben, monkeypatch):
    """Nothing that cannot be recorded is done, and no refusal is answered that cannot be recorded either."""
    told = (await anna.post(ORDERS, json=lab.order(), headers=lab.key())).json()
    head = lab.position()

    async def full(*_arguments):
        raise LedgerUnavailable("database or disk is full: /srv/ledger.sqlite")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.backend.ledger), "append", full)
        answers = [
            await anna.post(ORDERS, json=lab.order(), headers=lab.key()),
            await anna.post(ORDERS, json=lab.order("www.evil.test"), headers=lab.key()),
            await ben.get(f"/api/v1/certificates/{told['certificate_id']}"),
        ]

    assert [503, 503, 503] == [one.status_code for one in answers]
    assert {"ledger-unavailable"} == {one.json()["rule"] for one in answers}
    assert (False, head) == (any("/srv" in one.text for one in answers), lab.position())


async def test_an_order_is_not_approved_under_another_version_of_its_profile(lab, anna, olga):
    """An order that people decide on is not approved under another version of its profile."""
    await lab.define("strict", "shop", approval="manual")
    wish = await anna.post(ORDERS, json=lab.order(profile="strict"), headers=lab.key())
    order = wish.headers["Location"]
    read = await olga.get(order, headers={"Min-Ledger-Position": wish.headers["Ledger-Position"]})
    await lab.define("strict", "shop", approval="manual", allowed_names=("other.shop.test",))

    answer = await olga.post(
        f"{order}/approve", json={"request_sha256": read.json()["request_sha256"]}, headers=lab.key()
    )

    assert (422, "profile-revised") == (answer.status_code, answer.json()["rule"])

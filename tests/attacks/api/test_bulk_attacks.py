"""A bulk call as a lever: more than one may, more than is read, twice the same, somebody else's in the middle."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.bulk import BODY_MAX, MAX_ITEMS
from commands.certificates.request import RequestCertificate
from commands.handlers import HANDLERS
from domain.certificates.certificate import Certificate
from tests.support.edge import csr_pem

BULK, REVOKE = "/api/v1/orders/bulk", "/api/v1/certificates/bulk-revoke"
REFUSED = "sslclm.access.refused.v1"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def _next_minute(lab):
    """Let every attack have its own minute of recorded refusals."""
    lab.clock.forward(61)


async def issued(lab, client, *names):
    """Have certificates issued; returns their ids."""
    answer = await client.post(BULK, json={"items": [lab.order(name) for name in names]}, headers=lab.key())
    told = answer.json()
    await lab.backend.views.wait_for(told["position"])
    return [one["answer"]["certificate_id"] for one in told["items"]]


@pytest.mark.parametrize("path", [BULK, REVOKE])
@pytest.mark.parametrize(
    "body", [{}, {"items": []}, {"items": [None] * (MAX_ITEMS + 1)}, {"items": {}}, {"items": [], "more": 1}, []]
)
async def test_what_is_no_bulk_call_is_refused_as_a_whole(lab, anna, path, body):
    """No items, 1,001 of them, something else: 422, and nothing is begun."""
    head = lab.position()
    answer = await anna.post(path, json=body, headers=lab.key())

    assert (422, "invalid-input") == (answer.status_code, answer.json()["rule"])
    assert head == lab.position()


async def test_a_thousand_are_taken(lab, anna):
    """The limit itself is allowed, and everything wrong is answered one by one."""
    answer = await anna.post(BULK, json={"items": [{}] * MAX_ITEMS}, headers=lab.key())

    assert {"done": 0, "refused": MAX_ITEMS, "failed": 0} == answer.json()["counts"]


async def test_the_body_has_an_end(lab, anna):
    """Eight MiB, then 413, whatever length was declared."""

    async def pieces():
        for _ in range(9):
            yield b" " * (BODY_MAX // 8)

    answer = await anna.post(BULK, content=pieces(), headers=JSON | lab.key())

    assert (413, "body-too-large") == (answer.status_code, answer.json()["rule"])


async def test_a_thousand_csrs_of_four_kibibytes_fit(lab, anna):
    """The largest honest call is read: what is refused is each CSR, not the call."""
    item = lab.order(csr="-----BEGIN CERTIFICATE REQUEST-----\n" + "A" * 5_600)
    items = [{**item, "validity": 300 + number} for number in range(MAX_ITEMS)]
    content = json.dumps({"items": items})
    answer = await anna.post(BULK, content=content, headers=JSON | lab.key())

    assert 5_000_000 < len(content) < BODY_MAX
    assert MAX_ITEMS == answer.json()["counts"]["refused"]


async def test_nothing_is_read_of_a_stranger(lab):
    """Without a sign-in the answer is 401 before a byte of the body is asked for."""
    asked = 0

    async def pieces():
        nonlocal asked
        asked += 1
        yield b"{}"

    async with lab.client() as nobody:
        answer = await nobody.post(BULK, content=pieces(), headers=JSON | lab.key())

    assert (401, 0) == (answer.status_code, asked)


async def test_the_same_twice_is_answered_once(lab, anna):
    """A CSR twice in one call, and a certificate twice: the second is refused and points to the first."""
    wish, head = lab.order("twice.shop.test"), lab.position()
    told = (await anna.post(BULK, json={"items": [wish, wish, wish]}, headers=lab.key())).json()
    certificate = told["items"][0]["answer"]["certificate_id"]
    wishes = [{"certificate_id": certificate}, {"certificate_id": certificate, "revocation_reason": "keyCompromise"}]
    revoked = (await anna.post(REVOKE, json={"items": wishes}, headers=lab.key())).json()

    assert [201, 409, 409] == [one["status"] for one in told["items"]]
    assert [200, 409] == [one["status"] for one in revoked["items"]]
    problems = [one["problem"] for one in (*told["items"], *revoked["items"]) if "problem" in one]
    assert {("bulk-duplicate", "see item 0")} == {(one["rule"], one["fix"]) for one in problems}
    assert (1, 1) == tuple(map(lab.topics(head).count, (Certificate.Issued.TOPIC, Certificate.Revoked.TOPIC)))


async def test_rights_are_judged_item_by_item(lab, anna, ben):
    """Another team's items in the middle are not there for the caller, and it is recorded; their own are done."""
    await lab.define("pay-web", "pay")
    theirs = await issued(lab, anna, "theirs.shop.test")
    key = ec.generate_private_key(ec.SECP256R1())  # a key has one owner: the other team's cannot be used
    ours = {"team": "pay", "profile": "pay-web"}
    items = [
        lab.order(csr=csr_pem("a.pay.test", key=key), **ours),
        lab.order("b.shop.test"),
        lab.order("c.pay.test", team="pay", profile="web"),
        lab.order(csr=csr_pem("d.pay.test", key=key), **ours),
    ]
    head = lab.position()
    told = (await ben.post(BULK, json={"items": items}, headers=lab.key())).json()
    refusals = lab.topics(head).count(REFUSED)
    own = told["items"][0]["answer"]["certificate_id"]
    wishes = [{"certificate_id": one} for one in (*theirs, own)]
    revoked = (await ben.post(REVOKE, json={"items": wishes}, headers=lab.key())).json()
    await lab.backend.views.wait_for(lab.position())

    assert ([201, 404, 404, 201], 2) == ([one["status"] for one in told["items"]], refusals)
    assert [404, 200] == [one["status"] for one in revoked["items"]]
    assert "issued" == (await anna.get(f"/api/v1/certificates/{theirs[0]}")).json()["state"]


async def test_refusals_do_not_fill_the_ledger(lab, ben):
    """Two hundred items that are not the caller's: each is answered, twenty are recorded."""
    head, items = lab.position(), [lab.order("x.shop.test", validity=300 + number) for number in range(200)]
    told = (await ben.post(BULK, json={"items": items}, headers=lab.key())).json()

    assert 200 == told["counts"]["refused"]
    assert 20 == lab.topics(head).count(REFUSED)


async def test_whoever_has_no_such_right_is_told_once(lab, vera):
    """A viewer gets one 403, one refusal on record, and no item is looked at."""
    head = lab.position()
    answers = [await vera.post(path, json={"items": [lab.order()]}, headers=lab.key()) for path in (BULK, REVOKE)]

    assert [403, 403] == [one.status_code for one in answers]
    assert [REFUSED, REFUSED] == lab.topics(head)


async def test_an_item_that_breaks_the_server_is_its_own_500(lab, anna, monkeypatch, caplog):
    """What nobody expected is logged, says nothing to the caller, and leaves the neighbours their certificates."""
    use_case = HANDLERS[RequestCertificate]

    def poisoned(command, work):
        if command.validity == 4_711:
            raise RuntimeError("a secret detail")
        use_case.handle(command, work)

    items = [lab.order(f"p{number}.shop.test", validity=4_711 if number == 1 else 3_600) for number in range(3)]
    with monkeypatch.context() as patch:
        patch.setitem(lab.backend.bus._handlers, RequestCertificate, replace(use_case, handle=poisoned))
        answer = await anna.post(BULK, json={"items": items}, headers=lab.key())

    assert [201, 500, 201] == [one["status"] for one in answer.json()["items"]]
    assert {"done": 2, "refused": 0, "failed": 1} == answer.json()["counts"]
    assert "a secret detail" not in answer.text
    assert any("unexpected error" in one.message for one in caplog.records)


async def test_a_callers_key_cannot_take_an_items_key(lab, anna):
    """Keys of items have a prefix of their own: a single call under a made-up one touches no bulk call."""
    wish = RequestCertificate.model_validate(lab.order("two.shop.test"))
    said = sha256(wish.model_dump_json().encode()).hexdigest()
    await anna.post(
        "/api/v1/orders", json=lab.order("one.shop.test"), headers={"Idempotency-Key": f"bulk:{said}:client:k"}
    )
    body = {"items": [wish.model_dump(mode="json")]}
    told = (await anna.post(BULK, json=body, headers={"Idempotency-Key": "k"})).json()

    assert [201] == [one["status"] for one in told["items"]]

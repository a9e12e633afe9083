"""Orders and certificates through HTTP: issued at once, or after a second person, and read back."""

from __future__ import annotations

import ssl

from cryptography import x509

from tests.support.edge import csr_pem


async def test_a_conforming_order_is_issued_in_the_call(lab, anna):
    """201 with certificate, chain without the root, ids, serial and position."""
    answer = await anna.post("/api/v1/orders", json=lab.order(), headers=lab.key())
    told = answer.json()
    certificate = x509.load_pem_x509_certificate(told["certificate"].encode())

    assert 201 == answer.status_code
    assert str(lab.position()) == answer.headers["Ledger-Position"]
    assert f"{certificate.serial_number:x}" == told["serial"]
    assert ["fulfilled", 1] == [told["state"], len(told["chain"])]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(told["chain"][0].encode()))
    assert f"/api/v1/orders/{told['order_id']}" == answer.headers["Location"]


async def test_a_repeated_call_is_answered_from_the_ledger(lab, anna):
    """The same key and body give the same certificate and store nothing."""
    key, wish = lab.key(), lab.order()
    first = await anna.post("/api/v1/orders", json=wish, headers=key)
    head = lab.position()

    again = await anna.post("/api/v1/orders", json=wish, headers=key)

    assert (201, first.json()) == (again.status_code, again.json())
    assert first.headers["Ledger-Position"] == again.headers["Ledger-Position"]
    assert head == lab.position()


async def test_what_was_written_can_be_read_at_its_position(lab, anna):
    """``Min-Ledger-Position`` waits for the read models; chain and inventory agree with the answer."""
    answer = await anna.post("/api/v1/orders", json=lab.order("a.shop.test"), headers=lab.key())
    at = {"Min-Ledger-Position": answer.headers["Ledger-Position"]}
    told = answer.json()

    shown = await anna.get(f"/api/v1/certificates/{told['certificate_id']}", headers=at)
    chain = await anna.get(f"/api/v1/certificates/{told['certificate_id']}/chain")
    found = await anna.get("/api/v1/certificates", params={"serial": told["serial"].upper()})
    named = await anna.get("/api/v1/certificates", params={"name": "A.shop.test"})

    assert told["certificate"] == shown.json()["certificate"]
    assert told["not_after"] == shown.json()["not_after"]
    assert told["certificate"] + told["chain"][0] == chain.text
    assert "application/pem-certificate-chain" == chain.headers["content-type"]
    assert [told["certificate_id"]] == [one["certificate_id"] for one in found.json()["items"]]
    assert [told["certificate_id"]] == [one["certificate_id"] for one in named.json()["items"]]
    assert ssl.PEM_cert_to_DER_cert(told["certificate"])


async def test_a_second_person_approves_exactly_what_they_read(lab, anna, olga):
    """202, then an approval bound to the hash, then the certificate in the approval's own answer."""
    await lab.define("by-hand", "shop", approval="manual")
    wish = await anna.post("/api/v1/orders", json=lab.order(profile="by-hand"), headers=lab.key())
    order = wish.headers["Location"]
    at = {"Min-Ledger-Position": wish.headers["Ledger-Position"]}
    read = (await olga.get(order, headers=at)).json()

    wrong = await olga.post(f"{order}/approve", json={"request_sha256": "0" * 64}, headers=lab.key())
    right = await olga.post(f"{order}/approve", json={"request_sha256": read["request_sha256"]}, headers=lab.key())

    assert (202, "waiting") == (wish.status_code, wish.json()["state"])
    assert "waiting" == read["state"]
    assert wrong.status_code in {403, 409, 422}
    assert (200, "fulfilled") == (right.status_code, right.json()["state"])
    assert right.json()["certificate"].startswith("-----BEGIN CERTIFICATE-----")


async def test_people_behind_an_order_have_names(lab, anna, olga):
    """An order and its list name who asked and who approved, until they are erased: then no cached copy counts."""
    await lab.define("by-hand-3", "shop", approval="manual")
    wish = await anna.post("/api/v1/orders", json=lab.order(profile="by-hand-3"), headers=lab.key())
    order = wish.headers["Location"]
    at = {"Min-Ledger-Position": wish.headers["Ledger-Position"]}
    read = (await olga.get(order, headers=at)).json()
    body = {"request_sha256": read["request_sha256"]}
    async with lab.client("sec-omar") as omar:
        done = await omar.post(f"{order}/approve", json=body, headers=lab.key())
    after = await anna.get(order, headers={"Min-Ledger-Position": done.headers["Ledger-Position"]})
    told = after.json()
    listed = (await anna.get("/api/v1/orders", params={"profile": told["profile_id"]})).json()["items"]

    assert ("Anna (team shop)", []) == (read["requester_name"], read["approver_names"])
    assert [told] == listed
    assert ["Omar Security"] == told["approver_names"]
    lab.edge.identity.directory.erase(told["approvers"][0])
    again = await olga.get(order, headers={"If-None-Match": after.headers["ETag"]})
    assert (200, [""]) == (again.status_code, again.json()["approver_names"])


async def test_an_order_can_be_rejected_or_cancelled(lab, anna, olga):
    """A rejection needs a reason; a cancelled order is over."""
    await lab.define("by-hand-2", "shop", approval="manual")
    paths = []
    for _ in range(2):
        wish = await anna.post("/api/v1/orders", json=lab.order(profile="by-hand-2"), headers=lab.key())
        paths.append(wish.headers["Location"])

    silent = await olga.post(f"{paths[0]}/reject", json={"reason": ""}, headers=lab.key())
    rejected = await olga.post(f"{paths[0]}/reject", json={"reason": "not yours"}, headers=lab.key())
    cancelled = await anna.post(f"{paths[1]}/cancel", headers=lab.key())
    at = {"Min-Ledger-Position": cancelled.headers["Ledger-Position"]}

    assert [422, 200, 200] == [one.status_code for one in (silent, rejected, cancelled)]
    assert "rejected" == (await anna.get(paths[0], headers=at)).json()["state"]
    assert "cancelled" == (await anna.get(paths[1])).json()["state"]
    assert 409 == (await anna.post(f"{paths[1]}/cancel", headers=lab.key())).status_code
    assert 409 == (await anna.post(f"{paths[1]}/resume", headers=lab.key())).status_code


async def test_an_order_for_a_host_waits_for_its_key(lab, anna):
    """202 and approved by policy: the agent makes the key."""
    host = await lab.host("web7.shop.test")
    body = {
        "team_id": lab.team(),
        "profile_id": lab.profile(),
        "dns_names": ["web7.shop.test"],
        "targets": [lab.target(host)],
    }

    answer = await anna.post("/api/v1/orders", json=body, headers=lab.key())
    at = {"Min-Ledger-Position": answer.headers["Ledger-Position"]}
    found = await anna.get("/api/v1/orders", params={"host": host, "mine": "true"}, headers=at)

    assert (202, "approved") == (answer.status_code, answer.json()["state"])
    assert [answer.json()["order_id"]] == [one["order_id"] for one in found.json()["items"]]


async def test_a_name_outside_the_profile_is_refused_by_the_rule(lab, anna):
    """422 names the rule and the fix, and the refusal is a fact in the ledger."""
    head = lab.position()

    answer = await anna.post("/api/v1/orders", json=lab.order("www.evil.test"), headers=lab.key())

    assert (422, "names-inside-profile") == (answer.status_code, answer.json()["rule"])
    assert "https://clm.test/problems/names-inside-profile" == answer.json()["type"]
    assert answer.json()["fix"]
    assert ["sslclm.access.refused.v1"] == lab.topics(head)


async def test_a_machine_orders_as_its_team(lab):
    """A pipeline's access token carries its team's role, and no more."""
    async with lab.client("ci-shop") as pipeline:
        answer = await pipeline.post("/api/v1/orders", json=lab.order("ci.shop.test"), headers=lab.key())
        me = await pipeline.get("/api/v1/me")

    assert 201 == answer.status_code
    assert ("machine", ["ROLE_DEVOPS"]) == (me.json()["kind"], [one["role"] for one in me.json()["roles"]])


async def test_pages_follow_one_another(lab, anna):
    """``next_cursor`` asks for what follows, until there is none."""
    for number in range(3):
        wish = lab.order(f"p{number}.shop.test", csr=csr_pem(f"p{number}.shop.test"))
        last = await anna.post("/api/v1/orders", json=wish, headers=lab.key())
    at = {"Min-Ledger-Position": last.headers["Ledger-Position"]}

    seen, cursor = [], None
    while True:
        page = (
            await anna.get("/api/v1/orders", params={"limit": 2, **({"cursor": cursor} if cursor else {})}, headers=at)
        ).json()
        seen += [one["order_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert len(seen) == len(set(seen)) >= 3

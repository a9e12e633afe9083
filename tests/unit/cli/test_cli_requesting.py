"""``sslclm request-many``: CSRs in folders, results beside them, what is done is not asked again."""

from __future__ import annotations

import json

import httpx2
import pytest

BULK = "/orders/bulk"
CSR = "-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n"
ROW = {"team_id": "team-1", "name": "shop"}


@pytest.fixture
def folder(tmp_path):
    """Return a folder with three CSRs."""
    made = tmp_path / "csrs"
    made.mkdir()
    for name in "abc":
        (made / f"{name}.csr").write_text(CSR.format(name))
    (made / "notes.txt").write_text("no CSR")
    return made


@pytest.fixture
def wish(fake, folder):
    """Return the command line, with team and profile that the server knows."""
    fake.has("/teams", {"team_id": "team-1", "name": "shop"})
    fake.has("/profiles", {"profile_id": "profile-1", "spec": {"name": "web"}, "name": "web"})
    return ["request-many", str(folder), "--team", "shop", "--profile", "web"]


def issued(number):
    """Return an item's answer with a certificate."""
    pem = {"certificate": f"LEAF {number}\n", "chain": ["CA\n"]}
    return {"status": 201, "answer": {"order_id": f"order-{number}", "state": "fulfilled", **pem}}


def refused():
    """Return an item's refusal."""
    why = {"detail": "outside of the profile", "fix": "ask for names inside", "rule": "names-inside-profile"}
    return {"status": 422, "problem": why}


def bulk(*items):
    """Return the answer of a bulk call."""
    return {"items": [{"index": index, **one} for index, one in enumerate(items)], "counts": {}, "position": 9}


def test_every_csr_gets_its_chain_beside_it(fake, folder, wish):
    """One call, in the order of the names; leaf first in each file."""
    fake.has(BULK, method="POST", **bulk(*map(issued, range(3))))
    told = fake(*wish, "--days", "10", expect=0)
    items = fake.body(BULK)["items"]

    assert [CSR.format(name) for name in "abc"] == [one["csr"] for one in items]
    assert {("team-1", "profile-1", 864_000)} == {(i["team_id"], i["profile_id"], i["validity"]) for i in items}
    assert ["LEAF 0\nCA\n", "LEAF 1\nCA\n", "LEAF 2\nCA\n"] == [
        (folder / f"{name}.fullchain.pem").read_text() for name in "abc"
    ]
    assert "3 issued" in told.stdout


def test_what_is_there_is_not_asked_again(fake, folder, wish):
    """A run that is repeated goes on where the former one ended, and leaves files as they are."""
    (folder / "a.fullchain.pem").write_text("as it was")
    fake.has(BULK, method="POST", **bulk(issued(1), issued(2)))
    told = json.loads(fake(*wish, "--json", expect=0).stdout)

    assert "as it was" == (folder / "a.fullchain.pem").read_text()
    assert {"issued": 2, "there_before": 1} == {name: told["counts"][name] for name in ("issued", "there_before")}


def test_nothing_left_to_ask_is_done(fake, folder, wish):
    """No call is made then."""
    for name in "abc":
        (folder / f"{name}.fullchain.pem").write_text("there")
    told = fake(*wish, expect=0)

    assert [] == fake.sent("POST", BULK)
    assert "3 there before" in told.stdout


def test_a_refusal_stops_no_other_and_is_a_row(fake, folder, wish):
    """Exit code 1, a table of what failed and why, and the certificates of the rest."""
    fake.has(BULK, method="POST", **bulk(issued(0), refused(), issued(2)))
    told = fake(*wish, expect=1)

    assert "b.csr" in told.stdout
    assert "a.csr" not in told.stdout
    assert "outside of the profile" in " ".join(told.stdout.split())
    assert [True, False, True] == [(folder / f"{name}.fullchain.pem").exists() for name in "abc"]


def test_what_waited_is_fetched_by_the_same_run_later(fake, folder, wish):
    """A repeated call answers what it answered then: the order itself is looked at."""
    waits = {"status": 202, "answer": {"order_id": "order-7", "state": "waiting"}}
    fake.has(BULK, method="POST", **bulk(issued(0), waits, waits))
    states = ["waiting", "fulfilled"]
    orders = [
        {"order_id": "order-7", "state": state, "certificates": {"": "certificate-7"}, "deployments": {}}
        | {"refused_rules": {}}
        for state in states
    ]
    fake.answers["GET", "/orders/order-7"] = [httpx2.Response(200, json=one) for one in orders]
    fake.answers["GET", "/certificates/certificate-7/chain"] = httpx2.Response(200, text="LATE\n")
    told = fake(*wish, "--idempotency-key", "run-1", expect=5)

    assert [False, True] == [(folder / f"{name}.fullchain.pem").exists() for name in "bc"]
    assert "--idempotency-key run-1" in " ".join(told.stderr.split())


def test_wrong_usage_orders_nothing(fake, folder, wish, tmp_path):
    """An empty folder, a private key in a CSR's file, two CSRs for one result."""
    (tmp_path / "empty").mkdir()
    fake(wish[0], str(tmp_path / "empty"), *wish[2:], expect=2)
    (folder / "a.req").write_text(CSR.format("a"))
    fake(wish[0], str(folder), str(folder / "a.req"), *wish[2:], expect=2)
    (folder / "b.csr").write_text("-----BEGIN PRIVATE KEY-----")
    fake(*wish, expect=2)

    assert [] == fake.sent("POST", BULK)

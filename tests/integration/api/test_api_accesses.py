"""Who accessed this key, who accessed this certificate: complete, proven, recorded, and for auditors only."""

from __future__ import annotations

import json

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from domain.keys.key import Key
from infra.ledger.proof.hashing import hashes_of
from tests.support.csrs import make_csr


async def issued(lab, client, *names: str) -> dict:
    """Let somebody order a certificate for a fresh key, by policy; returns its row."""
    csr = make_csr(ec.generate_private_key(ec.SECP256R1()), *map(x509.DNSName, names))
    pem = x509.load_der_x509_csr(csr).public_bytes(Encoding.PEM).decode()
    answer = await client.post("/api/v1/orders", json={**lab.order(), "csr": pem}, headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    found = (await client.get(f"/api/v1/certificates/{answer.json()['certificate_id']}")).json()
    assert found["state"] == "issued"
    return found


async def accesses(client, path: str, **query) -> list[dict]:
    """Return a first page."""
    answer = await client.get(f"/api/v1/audit/{path}/accesses", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_a_certificate_tells_who_touched_it(lab, anna, ben, olga, vera):
    """From the request to the revocation, refused attempts and looks included; each with person, role and why."""
    made = await issued(lab, anna, "told.shop.test")
    await ben.get(f"/api/v1/certificates/{made['certificate_id']}")
    wish = {"revocation_reason": "superseded", "reason": "the site has moved"}
    await olga.post(f"/api/v1/certificates/{made['certificate_id']}/revoke", json=wish, headers=lab.key())
    await vera.get(f"/api/v1/audit/objects/{made['certificate_id']}")

    told = await accesses(vera, f"certificates/{made['certificate_id']}")
    kinds = [(one["access"], one["actor_name"], one["role"]) for one in told]

    assert kinds == [
        ("read", "Vera Viewer", "ROLE_VIEWER"),
        ("revocation", "Olga Security", "ROLE_SEC_OPS"),
        ("refused", "Ben (team pay)", "ROLE_DEVOPS"),
        ("signing", "Anna (team shop)", "ROLE_DEVOPS"),
        ("made", "Anna (team shop)", "ROLE_DEVOPS"),
        ("decision", "Anna (team shop)", "ROLE_DEVOPS"),
        ("request", "Anna (team shop)", "ROLE_DEVOPS"),
    ]
    assert (told[1]["reason"], told[2]["rule"], told[2]["purpose"]) == (
        "the site has moved",
        "not-found",
        "certificates.read",
    )
    assert [one["by"] for one in told[3]["approvals"]] == ["policy"]


async def test_the_same_is_found_from_either_side(lab, anna, vera):
    """By id, serial, fingerprint, key and public key's hash the answer is the same; the issuer's shows the signing."""
    made = await issued(lab, anna, "sides.shop.test")
    key = Key.id_for(made["spki_sha256"])
    sides = [
        *(f"certificates/{made[name]}" for name in ("certificate_id", "serial", "fingerprint")),
        f"keys/{key}",
        f"keys/{made['spki_sha256'].upper()}",
    ]
    found = [[one["position"] for one in await accesses(vera, side) if one["access"] != "read"] for side in sides]
    signed = await accesses(vera, f"keys/{made['issuer_id']}", access="signing")

    assert len({json.dumps(one) for one in found}) == 1
    assert made["certificate_id"] in [one["subjects"]["certificate_id"] for one in signed]
    assert key in signed[0]["objects"] or key == signed[0]["subjects"]["key_id"]


async def test_each_row_can_be_checked_against_the_ledger(lab, anna, vera):
    """Entry hash and leaf hash of a row are those of the ledger's own entry at that position."""
    made = await issued(lab, anna, "proven.shop.test")

    for one in await accesses(vera, f"certificates/{made['certificate_id']}"):
        entry = lab.backend.ledger.entries(one["position"], limit=1)[0]
        leaves, expected = hashes_of(entry)
        assert one["entry_hash"] == expected.hex()
        assert one["leaf_hash"] == leaves[one["position"] - entry.first_position].hex()


async def test_every_look_is_recorded_and_told_to_the_next(lab, anna, vera, olga):
    """A look is a fact with its object; it stands in the answer of the next one, not in its own."""
    made = await issued(lab, anna, "looked.shop.test")
    path = f"certificates/{made['certificate_id']}"
    head = lab.position()
    first = await accesses(vera, path)
    assert lab.topics(head) == ["sslclm.audit.read.v1"]
    second = await accesses(olga, path, access="read")

    assert [one["access"] for one in first].count("read") == 0
    assert [(one["actor_name"], one["subjects"]["certificate_id"]) for one in second] == [
        ("Vera Viewer", made["certificate_id"])
    ]


async def test_pages_and_filters(lab, anna, vera):
    """A page leads to the next one without overlap; kind, actor and time narrow the answer; what is unknown is told."""
    made = await issued(lab, anna, "paged.shop.test")
    path = f"/api/v1/audit/certificates/{made['certificate_id']}/accesses"
    one = (await vera.get(path, params={"limit": 2})).json()
    two = (await vera.get(path, params={"limit": 200, "cursor": one["next_cursor"]})).json()
    positions = [row["position"] for row in (*one["items"], *two["items"])]
    anna_id = one["items"][0]["actor"]

    assert positions == sorted(set(positions), reverse=True)
    assert len(positions) == 4
    assert await accesses(vera, f"certificates/{made['certificate_id']}", actor="p-nobody") == []
    assert len(await accesses(vera, f"certificates/{made['certificate_id']}", actor=anna_id, access="signing")) == 1
    assert await accesses(vera, f"certificates/{made['certificate_id']}", to="2020-01-01T00:00:00Z") == []
    for strange in (
        "keys/key-1",
        "keys/key-00000000-0000-4000-8000-000000000000",
        "certificates/ff",
        "certificates/x y",
    ):
        assert (await vera.get(f"/api/v1/audit/{strange}/accesses")).status_code == 404


async def test_an_erased_person_is_said_to_be_erased(lab, anna, vera):
    """Once the details of an entry are erased, the row says so; position and hashes stay."""
    made = await issued(lab, anna, "erased.shop.test")
    path = f"certificates/{made['certificate_id']}"
    before = (await accesses(vera, path))[0]
    entry = lab.backend.ledger.entries(before["position"], limit=1)[0]
    assert lab.backend.ledger.erase_details(entry.first_position)
    after = next(one for one in await accesses(vera, path) if one["position"] == before["position"])

    assert (before["erased"], after["erased"], after["user_agent"]) == (False, True, "")
    assert before["leaf_hash"] == after["leaf_hash"]

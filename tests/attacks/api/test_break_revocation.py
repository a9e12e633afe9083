"""Hostile revocations: of other teams' certificates, of the system's own, and beyond every deadline."""

from __future__ import annotations

import pytest

from tests.support.agent_edge import csr_of, new_key

REFUSED = "sslclm.access.refused.v1"


@pytest.fixture(autouse=True)
def _next_minute(lab):
    """Let every attack have its own minute of recorded refusals."""
    lab.clock.forward(61)


@pytest.fixture
async def made(lab, anna):
    """Return a certificate of team shop with a key of its own."""
    body = lab.order() | {"csr": csr_of(new_key(), "www.shop.test")}
    answer = (await anna.post("/api/v1/orders", json=body, headers=lab.key())).raise_for_status()
    await lab.backend.views.wait_for(lab.position())
    return answer.json()


async def revoke(lab, client, certificate_id, act="revoke", **body):
    """Send one act on a certificate."""
    return await client.post(f"/api/v1/certificates/{certificate_id}/{act}", json=body, headers=lab.key())


@pytest.mark.parametrize("act", ["revoke", "call-off-revocation"])
async def test_another_teams_certificate_is_not_there(lab, ben, made, act):
    """By its id somebody else's certificate answers as one that does not exist, to the letter, and it is recorded."""
    head = lab.position()
    ids = (made["certificate_id"], "certificate-" + "0" * 36)
    real, made_up = [(await revoke(lab, ben, one, act)).json() for one in ids]

    assert real["status"] == made_up["status"] == 404
    assert real["rule"] == made_up["rule"]
    assert lab.topics(head).count(REFUSED) >= 1
    assert not [one for one in lab.topics(head) if "certificate" in one]


async def test_whoever_only_looks_revokes_nothing(lab, vera, made):
    """A viewer sees every certificate and changes none."""
    answer = await revoke(lab, vera, made["certificate_id"])

    assert answer.status_code == 403


async def test_the_systems_own_certificates_are_not_revoked_by_people(lab, olga, adam):
    """Agents' and the backend's certificates have other ends: whoever could revoke them could lock everybody out."""
    await lab.backend.views.wait_for(lab.position())
    rows = (await olga.get("/api/v1/certificates")).json()["items"]
    own = [row for row in rows if row["purpose"] in {"server", "agent"}]
    for row in own:
        for who in (olga, adam):
            answer = await revoke(lab, who, row["certificate_id"], revocation_reason="keyCompromise")
            assert (answer.status_code, answer.json()["rule"]) == (409, "certificate-purpose")


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ({"revocation_reason": "certificateHold"}, "revocation-reason"),
        ({"revocation_reason": "keyCompromise\u0000"}, "revocation-reason"),
        ({"revocation_reason": ["keyCompromise"]}, "invalid-input"),
        ({"invalidity_date": "2999-01-01T00:00:00Z"}, "invalidity-date"),
        ({"invalidity_date": "0001-01-01T00:00:00Z"}, "invalidity-date"),
        ({"invalidity_date": "2026-11-20T08:00:00"}, "invalid-input"),
        ({"within": 60}, "revocation-deadline"),
        ({"replace": "first", "within": 10**12}, "invalid-input"),
        ({"replace": "first", "within": -1}, "invalid-input"),
        ({"replace": "later"}, "invalid-input"),
        ({"remove": "perhaps"}, "invalid-input"),
        ({"issuer_id": "issuing"}, "invalid-input"),
    ],
)
async def test_bad_wishes_change_nothing(lab, anna, made, body, rule):
    """Each is a problem document with its rule, and nothing is recorded of the certificate."""
    head = lab.position()
    answer = await revoke(lab, anna, made["certificate_id"], **body)

    assert (answer.status_code, answer.json()["rule"]) == (422, rule)
    assert answer.json()["fix"]
    assert not [one for one in lab.topics(head) if "certificate" in one]


async def test_a_key_made_elsewhere_is_not_replaced_first(lab, anna, made):
    """We cannot make its new key: the caller is told so, nothing is planned, and may revoke at once."""
    head = lab.position()
    answer = await revoke(lab, anna, made["certificate_id"], replace="first")

    assert (answer.status_code, answer.json()["rule"]) == (409, "key-made-elsewhere")
    assert not [one for one in lab.topics(head) if "certificate" in one]


async def test_the_same_call_again_gives_the_same_answer(lab, anna, made):
    """A repeated revocation under its key is answered, not done twice; another body under it is refused."""
    key, path = lab.key(), f"/api/v1/certificates/{made['certificate_id']}/revoke"
    first, second = [await anna.post(path, json={"reason": "gone"}, headers=key) for _ in range(2)]
    other = await anna.post(path, json={"revocation_reason": "superseded"}, headers=key)

    assert first.json() == second.json()
    assert first.json()["state"] == "revoked"
    assert other.status_code == 422


async def test_the_other_certificates_of_a_compromised_key_are_named(lab, anna):
    """One key in two certificates: whoever revokes the one is told of the other, which stays in force until then."""
    body = lab.order() | {"csr": csr_of(new_key(), "www.shop.test")}
    ids = []
    for _ in range(2):
        made = (await anna.post("/api/v1/orders", json=body, headers=lab.key())).raise_for_status()
        ids.append(made.json()["certificate_id"])
    await lab.backend.views.wait_for(lab.position())
    first = (await revoke(lab, anna, ids[0], revocation_reason="keyCompromise")).json()
    await lab.backend.views.wait_for(lab.position())
    second = (await revoke(lab, anna, ids[1], revocation_reason="keyCompromise")).json()

    assert (first["same_key"], second["same_key"]) == ([ids[1]], [])


async def test_a_compromised_key_comes_back_under_no_name(lab, anna, olga, made):
    """The same public key in another CSR, with other names: refused, whoever asks, and on record."""
    key = new_key()
    body = lab.order() | {"csr": csr_of(key, "one.shop.test")}
    told = (await anna.post("/api/v1/orders", json=body, headers=lab.key())).raise_for_status().json()
    (await revoke(lab, anna, told["certificate_id"], revocation_reason="keyCompromise")).raise_for_status()
    head = lab.position()
    for who in (anna, olga):
        body = lab.order() | {"csr": csr_of(key, "two.shop.test")}
        answer = await who.post("/api/v1/orders", json=body, headers=lab.key())
        assert (answer.status_code, answer.json()["rule"]) == (422, "key-compromised")

    assert lab.topics(head).count(REFUSED) == 2

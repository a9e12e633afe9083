"""A reveal over HTTP: asked with a reason, approved by a second person, redeemed once after a fresh sign-in."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from tests.support import held
from tests.support.real import real_part


def output(command: list[str], folder: Path) -> str:
    """Return all that a program says."""
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.fixture
async def certificate_id(lab):
    """Return a certificate of team shop whose key is in the key store."""
    await held.appliance(lab)
    return await held.certificate(lab)


async def test_a_key_is_made_and_certified_without_a_csr(lab, anna, certificate_id):
    """The key lies in the key store, belongs to the team that asked, and nobody has seen it."""
    rows = (await anna.get("/api/v1/keys", params={"certificate": certificate_id})).json()["items"]
    shown = {name: rows[0][name] for name in ("made", "held", "seen", "team_id", "host_id", "deliveries")}

    expected = {"made": "server", "held": True, "seen": False, "team_id": lab.team(), "host_id": None, "deliveries": 0}
    assert expected == shown
    assert "stored_as" not in rows[0]


async def test_a_reveal_from_wish_to_file(lab, certificate_id):
    """The file opens with the password beside it, holds the certificate's key, and is on record before it left."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    before = lab.position()
    answer = await held.redeem(lab, olga, reveal_id)
    data, password = held.opened(answer)
    row = (await olga.get(f"/api/v1/certificates/{certificate_id}")).json()
    content = load_pkcs12(data, password)

    leaf = x509.load_pem_x509_certificate(row["certificate"].encode())
    assert content.key.public_key() == leaf.public_key()
    assert content.cert.certificate == leaf
    assert len(content.additional_certs) == 1
    assert answer.headers["cache-control"] == "no-store"
    topics = [topic.removeprefix("sslclm.") for topic in lab.topics(before)]
    assert {"reveal.authorised.v1", "key.seen.v1", "certificate.revocation-planned.v1"} <= set(topics)


async def test_a_second_person_reads_whose_key_and_why(lab, certificate_id):
    """Names, owner and reason stand beside what is approved; once the details are erased, that is said."""
    olga, _ = held.ways(lab, "sec-olga")
    reveal_id = await held.ask(lab, olga, certificate_id)
    await lab.backend.views.wait_for(lab.position())
    async with lab.client("sec-omar") as omar:
        seen = (await omar.get(f"/api/v1/reveals/{reveal_id}")).json()
        listed = (await omar.get("/api/v1/reveals")).json()["items"][0]
        (entry,) = lab.backend.ledger.entries(seen["created_position"], limit=1)
        assert lab.backend.ledger.erase_details(entry.first_position)
        after = (await omar.get(f"/api/v1/reveals/{reveal_id}")).json()

    names = ("dns_names", "team_name", "reason", "reason_erased")
    assert [seen[name] for name in names] == [["box.shop.test"], "shop", held.WHY["reason"], False]
    assert (after["reason"], after["reason_erased"]) == ("", True)
    assert (listed["dns_names"], "reason" in listed) == (["box.shop.test"], False)


async def test_a_reveal_is_used_once(lab, certificate_id):
    """With the same idempotency key and with another the answer is 409 and no key."""
    reveal_id, olga, token = await held.redeemable(lab, certificate_id)
    first = await held.redeem(lab, olga, reveal_id, **{"Idempotency-Key": "the-one"})
    held.step_up(lab, token, "sec-olga", reveal_id)
    again = await held.redeem(lab, olga, reveal_id, **{"Idempotency-Key": "the-one"})
    held.step_up(lab, token, "sec-olga", reveal_id)
    other = await held.redeem(lab, olga, reveal_id)

    assert first.status_code == 200
    assert [(409, "reveal-used")] * 2 == [(one.status_code, one.json()["rule"]) for one in (again, other)]
    assert not any("pkcs12" in one.text for one in (again, other))


async def test_without_a_fresh_sign_in_the_answer_asks_for_one(lab, certificate_id):
    """RFC 9470: 401, insufficient_user_authentication, max_age; the approval is not used up by it."""
    olga, token = held.ways(lab, "sec-olga")
    reveal_id = await held.ask(lab, olga, certificate_id)
    await held.approve(lab, reveal_id)
    refused = await held.redeem(lab, olga, reveal_id)
    held.step_up(lab, token, "sec-olga", reveal_id)
    given = await held.redeem(lab, olga, reveal_id)

    assert refused.status_code == 401
    assert 'error="insufficient_user_authentication", max_age="300"' in refused.headers["www-authenticate"]
    assert given.status_code == 200


async def test_the_approval_lasts_fifteen_minutes(lab, certificate_id):
    """After that, another request is needed."""
    reveal_id, olga, token = await held.redeemable(lab, certificate_id)
    lab.clock.forward(901)
    held.step_up(lab, token, "sec-olga", reveal_id)
    late = await held.redeem(lab, olga, reveal_id)

    assert (409, "approval-expired") == (late.status_code, late.json()["rule"])


async def test_the_certificate_is_revoked_at_latest_after_the_grace(lab):
    """The profile's grace decides, counted from the reveal."""
    await held.appliance(lab, "strict", reveal_grace=3_600)
    certificate_id = await held.certificate(lab, profile="strict")
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    told = (await held.redeem(lab, olga, reveal_id)).json()

    assert datetime.fromisoformat(told["revoked_at_latest"]) == lab.clock() + timedelta(hours=1)


async def test_openssl_and_java_open_the_file(lab, certificate_id, tmp_path):
    """The file is PBES2 with AES-256; openssl and Java's keytool read it."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    data, password = held.opened(await held.redeem(lab, olga, reveal_id))
    (tmp_path / "key.p12").write_bytes(data)
    (tmp_path / "pass").write_bytes(password)
    openssl = real_part("openssl", "apt-get install openssl")
    keytool = real_part("keytool", "apt-get install default-jre-headless")
    info = [openssl, "pkcs12", "-in", "key.p12", "-passin", "file:pass", "-info", "-noout"]
    listing = [keytool, "-list", "-v", "-keystore", "key.p12", "-storetype", "PKCS12", "-storepass:file", "pass"]
    said, listed = await asyncio.to_thread(output, info, tmp_path), await asyncio.to_thread(output, listing, tmp_path)

    assert "PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256" in said
    assert "PrivateKeyEntry" in listed
    assert "Certificate chain length: 2" in listed

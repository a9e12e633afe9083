"""A reveal ends every certificate of the key that was seen, by whichever of them it was asked for.

Harm prevented: a key that a person has, behind a certificate that lives on because the reveal named another one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID

from tests.support import held
from tests.support.csrs import make_csr, pem_csr
from tests.support.foreign import sent


@pytest.fixture
async def certificate_id(lab):
    """Return a certificate of team shop whose key is in the key store."""
    await held.appliance(lab)
    return await held.certificate(lab)


def twin(certificate: x509.Certificate) -> bytes:
    """Return somebody's own certificate over another's public key: anybody can make one, a public key is public."""
    forger = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Made Up")])
    alternative = x509.SubjectAlternativeName([x509.DNSName("box.shop.test")])
    start: datetime = certificate.not_valid_before_utc
    made = (
        x509.CertificateBuilder(name, name, certificate.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=400))
        .add_extension(alternative, critical=False)
        .sign(forger, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


async def test_a_reveal_by_a_made_up_twin_ends_the_real_certificate(lab, certificate_id):
    """The owner's DevOps uploads a certificate over the held key; a reveal of that one plans the real one's end."""
    async with lab.client("dev-anna") as anna:
        told = (await anna.get(f"/api/v1/certificates/{certificate_id}/chain")).text
        real = x509.load_pem_x509_certificate(told.encode())
        body = {"team_id": lab.team(), "files": sent(twin(real))}
        [item] = (await anna.post("/api/v1/certificates/import", json=body, headers=lab.key())).json()["items"]
        assert item["taken"], item
        await lab.backend.views.wait_for(lab.position())
        reveal_id, olga, _ = await held.redeemable(lab, item["certificate_id"])
        answer = await held.redeem(lab, olga, reveal_id)

    assert (200, True) == (answer.status_code, _planned(lab, certificate_id))


async def test_a_key_that_was_revealed_is_not_certified_again(lab, certificate_id):
    """Whoever has seen it may not have it certified anew under a life without end: only a new key follows."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    file, password = held.opened(await held.redeem(lab, olga, reveal_id))
    key, _, _ = pkcs12.load_key_and_certificates(file, password)
    csr = pem_csr(make_csr(key, x509.DNSName("box.shop.test")))
    async with lab.client("dev-anna") as anna:
        again = await anna.post("/api/v1/orders", json=lab.order("box.shop.test") | {"csr": csr}, headers=lab.key())

    assert (422, "key-seen") == (again.status_code, again.json().get("rule")), again.text


async def test_an_archived_key_outlives_its_certificate(lab):
    """What the key decrypts is still there when its certificate has expired: then it is revealed as before."""
    await held.appliance(lab, "archive", archive_keys=True, max_validity=3_600, key_usages=("keyAgreement",))
    certificate_id = await held.certificate(lab, "old.shop.test", profile="archive")
    lab.clock.forward(7_200)
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    answer = await held.redeem(lab, olga, reveal_id)

    assert answer.status_code == 200, answer.text


async def test_a_compromised_key_ends_all_its_certificates(lab):
    """One of two certificates of a key is revoked for keyCompromise: the other one's end is planned with it."""
    async with lab.client("dev-anna") as anna:
        csr = pem_csr(make_csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName("two.shop.test")))
        body = lab.order("two.shop.test") | {"csr": csr}
        orders = [(await anna.post("/api/v1/orders", json=body, headers=lab.key())).json() for _ in range(2)]
        first, second = (order["certificate_id"] for order in orders)
        await lab.backend.views.wait_for(lab.position())
        why = {"revocation_reason": "keyCompromise"}
        answer = await anna.post(f"/api/v1/certificates/{first}/revoke", json=why, headers=lab.key())

    assert (200, True) == (answer.status_code, _planned(lab, second))


def _planned(lab, certificate_id: str) -> bool:
    """Tell whether the certificate's revocation is planned."""
    topics = [
        event.stream_id
        for entry in lab.backend.ledger.entries(1)
        for event in entry.events
        if event.topic.startswith("sslclm.certificate.revocation-planned")
    ]
    return certificate_id in topics

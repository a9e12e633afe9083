"""What somebody gains by uploading a certificate: no fetch, no revocation of another's, no key of another's."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.csrs import make_csr, pem_csr
from tests.support.foreign import issuing, leaf, make, sent

PATH = "/api/v1/certificates/import"


@pytest.fixture(autouse=True)
def _next_minute(lab):
    """Let every attack have its own minute of recorded refusals."""
    lab.clock.forward(61)


async def upload(lab, client, team: str, *contents: bytes, **more: object):
    """Import files; returns the items of the answer."""
    body = {"team_id": lab.team(team), "files": sent(*contents), **more}
    answer = await client.post(PATH, json=body, headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    assert 200 == answer.status_code, answer.text
    return answer.json()["items"]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that nobody should ever call."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        yield server


async def test_no_address_in_a_certificate_is_ever_called(lab, anna, listener):
    """Lemur: SSRF by CRL-DP and OCSP URL. Here dry run, import, reading and the refusal to revoke call nobody."""
    party = leaf("ssrf.shop.test", url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    await upload(lab, anna, "shop", party.pem + issuing().pem, dry_run=True)
    [item] = await upload(lab, anna, "shop", party.pem + issuing().pem)
    path = f"/api/v1/certificates/{item['certificate_id']}"
    answers = [await anna.get(path), await anna.get(f"{path}/chain")]
    revoked = await anna.post(f"{path}/revoke", json={}, headers=lab.key())

    assert [200, 200] == [one.status_code for one in answers]
    assert "127.0.0.1" in revoked.json()["fix"]
    with pytest.raises(BlockingIOError):
        listener.accept()


async def ours(lab, anna, name: str) -> tuple[str, x509.Certificate]:
    """Have a certificate issued for team shop; returns its id and itself."""
    csr = pem_csr(make_csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName(name)))
    told = (await anna.post("/api/v1/orders", json=lab.order(name) | {"csr": csr}, headers=lab.key())).json()
    await lab.backend.views.wait_for(lab.position())
    return told["certificate_id"], x509.load_pem_x509_certificate(told["certificate"].encode())


async def test_uploading_a_copy_revokes_nothing_of_others(lab, anna, ben):
    """Lemur: a duplicate (issuer, serial) revoked somebody else's. Here neither a copy nor a forgery is an object."""
    certificate_id, certificate = await ours(lab, anna, "victim.shop.test")
    pem = certificate.public_bytes(Encoding.PEM)
    forged = make("www.pay.test", None, serial=certificate.serial_number, claims=certificate.issuer)
    head = lab.position()
    verdicts = [(await upload(lab, ben, "pay", content))[0]["rule"] for content in (pem, forged.pem)]
    revoked = await ben.post(f"/api/v1/certificates/{certificate_id}/revoke", json={}, headers=lab.key())

    assert ["import-own", "import-own"] == verdicts
    assert 404 == revoked.status_code
    assert {"sslclm.access.refused.v1"} == set(lab.topics(head))
    assert "issued" == (await anna.get(f"/api/v1/certificates/{certificate_id}")).json()["state"]


async def test_a_foreign_certificate_has_one_owner(lab, anna, ben):
    """Whoever uploads a copy, or other bytes under its issuer and serial, changes nothing and learns no owner."""
    party = leaf("once.shop.test")
    [item] = await upload(lab, anna, "shop", party.pem)
    twin = leaf("once.shop.test", serial=party.certificate.serial_number)
    head = lab.position()
    copies = await upload(lab, ben, "pay", party.pem) + await upload(lab, ben, "pay", twin.pem)

    assert ["import-known", "import-serial-taken"] == [one["rule"] for one in copies]
    assert lab.team() not in str(copies)
    assert item["certificate_id"] not in str(copies)
    assert [] == lab.topics(head)


async def test_a_key_that_a_team_has_shown_is_not_another_teams(lab, anna, ben):
    """With or without the private key; and whoever only has the certificate takes no key from anybody."""
    shown = leaf("shown.shop.test")
    await upload(lab, anna, "shop", shown.pem + shown.key_pem())
    again = make("shown.pay.test", issuing(), key=shown.key)
    for content in (again.pem, again.pem + again.key_pem()):
        [item] = await upload(lab, ben, "pay", content)
        assert (False, "key-of-another-team") == (item["taken"], item["rule"])

    public = leaf("public.shop.test")
    [squatted] = await upload(lab, ben, "pay", public.pem)
    csr = pem_csr(make_csr(public.key, x509.DNSName("public.shop.test")))
    order = await anna.post("/api/v1/orders", json=lab.order("public.shop.test") | {"csr": csr}, headers=lab.key())
    assert (True, 201) == (squatted["taken"], order.status_code)


async def test_a_compromised_key_is_not_imported(lab, anna):
    """A key that was revoked for keyCompromise does not come back by an upload."""
    key = ec.generate_private_key(ec.SECP256R1())
    csr = pem_csr(make_csr(key, x509.DNSName("lost.shop.test")))
    told = (
        await anna.post("/api/v1/orders", json=lab.order("lost.shop.test") | {"csr": csr}, headers=lab.key())
    ).json()
    path = f"/api/v1/certificates/{told['certificate_id']}/revoke"
    assert 200 == (await anna.post(path, json={"revocation_reason": "keyCompromise"}, headers=lab.key())).status_code
    party = make("lost.shop.test", issuing(), key=key)
    [item] = await upload(lab, anna, "shop", party.pem + party.key_pem())

    assert (False, "key-compromised") == (item["taken"], item["rule"])


async def test_no_password_and_no_key_is_left_anywhere(lab, anna):
    """Every file of the backend is searched for both, as they are and in the usual clothes."""
    await lab.define("keeping", "shop", key_made=("server",))
    password = "canary-password-4711"
    party = leaf("canary.shop.test")
    for profile in ("keeping", "web"):
        content = party.p12(password=password)
        more = {"passwords": [password, "canary-wrong-4712"], "profile_id": lab.profile(profile)}
        await upload(lab, anna, "shop", content, **more)
    secret = party.key.private_numbers().private_value.to_bytes(32, "big")
    canaries = [b"canary-password", b"canary-wrong", secret, secret.hex().encode(), base64.b64encode(party.key_der())]
    files = [path for path in lab.backend.files.data_dir.rglob("*") if path.is_file()]

    assert len(files) > 3
    for path in files:
        content = path.read_bytes()
        assert [] == [canary for canary in canaries if canary in content], path


@pytest.mark.parametrize(
    "more",
    [
        {"passwords": ["canary-password-1", 5]},
        {"passwords": ["canary-password-1"] * 9},
        {"passwords": "canary-password-1"},
        {"files": [{"name": "x", "content": {"canary-password-1": 1}}]},
        {"surprise": "canary-password-1"},
        {"passwords": ["canary-password-1"], "profile_id": "profile-none"},
    ],
)
async def test_a_refused_body_is_not_repeated(lab, anna, caplog, more):
    """What is wrong is named by its place; neither answer nor log holds what was sent."""
    body = {"team_id": lab.team(), "files": sent(leaf("x.shop.test").p12()), **more}
    answer = await anna.post(PATH, json=body, headers=lab.key())

    assert answer.status_code < 500
    assert "canary" not in answer.text
    assert "canary" not in caplog.text


async def test_many_at_once(lab, anna):
    """A hundred and twenty certificates in one upload: each taken by itself, in one call."""
    key = ec.generate_private_key(ec.SECP256R1())
    crowd = [leaf(f"n{n}.shop.test", key=key).pem for n in range(120)]
    items = await upload(lab, anna, "shop", b"".join(crowd))

    assert [True] * 120 == [one["taken"] for one in items]
    assert 120 == len({one["certificate_id"] for one in items})

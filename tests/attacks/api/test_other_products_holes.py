"""Holes that other certificate managers had, tried here one by one (docs: their advisories of recent years).

Most of them are an authorisation that was checked on the wrong object, or not at all.
"""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.support.csrs import make_csr, p256
from tests.support.fake_identity import signed_in

ORDERS = "/api/v1/orders"
REFUSED = "sslclm.access.refused.v1"


@pytest.fixture(autouse=True)
def _next_minute(lab):
    """Let every attack have its own minute of recorded refusals."""
    lab.clock.forward(61)


def csr_of(*names, extensions=()):
    """Return a CSR (PEM) with these names and wishes."""
    der = make_csr(p256(), *names, extensions=extensions)
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


async def issued(lab, client, **more):
    """Have a certificate issued; returns the answer's JSON."""
    answer = await client.post(ORDERS, json=lab.order(**more), headers=lab.key())
    assert 201 == answer.status_code, answer.text
    at = {"Min-Ledger-Position": answer.headers["Ledger-Position"]}
    await client.get("/api/v1/me", headers=at)
    return answer.json()


async def test_an_export_checks_who_owns_the_certificate(lab, anna, ben):
    """Lemur: the export endpoint skipped the ownership check. Here chain and object are 404, and it is recorded."""
    told = await issued(lab, anna)
    head = lab.position()

    answers = [await ben.get(f"/api/v1/certificates/{told['certificate_id']}{tail}") for tail in ("", "/chain")]

    assert [404, 404] == [one.status_code for one in answers]
    assert [REFUSED, REFUSED] == lab.topics(head)


async def test_an_order_cannot_take_over_another_teams_certificate_or_host(lab, ben):
    """Lemur: ``replaces`` retargeted anybody's certificate. Here there is no such member, and hosts are checked."""
    await lab.define("pay-web", "pay")
    host = await lab.host("victim.shop.test", "shop")
    wish = {"team_id": lab.team("pay"), "profile_id": lab.profile("pay-web"), "dns_names": ["www.pay.test"]}

    replaces = await ben.post(ORDERS, json=wish | {"replaces": ["certificate-1"]}, headers=lab.key())
    foreign = await ben.post(ORDERS, json=wish | {"targets": [lab.target(host)]}, headers=lab.key())

    assert [422, 404] == [replaces.status_code, foreign.status_code]
    assert "replaces" in replaces.json()["detail"]


async def test_a_team_is_not_chosen_by_its_member(lab, ben, anna):
    """An order, a host or a profile of a team that one does not act for is refused."""
    order = await ben.post(ORDERS, json=lab.order(team="shop"), headers=lab.key())
    profile = await ben.post(ORDERS, json=lab.order("www.shop.test", team="pay"), headers=lab.key())
    host = await ben.post("/api/v1/hosts", json={"name": "x.shop.test", "team_id": lab.team()}, headers=lab.key())

    assert anna
    assert [404, 404, 404] == [order.status_code, profile.status_code, host.status_code]


async def test_a_secret_is_shown_once_and_nowhere_else(lab, anna, vera):
    """Lemur: destination credentials came back in clear. Here no read, history or export holds a token."""
    host = await lab.host("secret.shop.test")
    made = await anna.post(f"/api/v1/hosts/{host}/token", headers=lab.key())
    at = {"Min-Ledger-Position": made.headers["Ledger-Position"]}
    secret = made.json()["token"].partition(".")[2]
    paths = [f"/api/v1/hosts/{host}", "/api/v1/hosts", f"/api/v1/audit/objects/{host}", "/api/v1/audit/export"]

    texts = [(await vera.get(path, headers=at)).text for path in paths]

    assert [] == [text for text in texts if secret in text or secret[40:] in text]


async def test_a_csr_asks_for_nothing_but_its_key(lab, anna):
    """SSRF by a CRL or OCSP address inside it: only the public key is taken, and nothing is fetched."""
    evil = x509.UniformResourceIdentifier("http://169.254.169.254/latest")
    usage = x509.KeyUsage(*[False] * 5, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False)
    points = x509.CRLDistributionPoints([x509.DistributionPoint([evil], None, None, None)])

    told = await issued(lab, anna, csr=csr_of(x509.DNSName("www.shop.test"), extensions=(points, usage)))
    certificate = x509.load_pem_x509_certificate(told["certificate"].encode())

    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert b"169.254" not in certificate.public_bytes(Encoding.DER)


async def test_a_csr_for_an_authority_is_refused(lab, anna):
    """Sub-CA without a right on the parent: a CSR that asks to be one is refused by its own rule."""
    csr = csr_of(x509.DNSName("www.shop.test"), extensions=(x509.BasicConstraints(ca=True, path_length=None),))

    answer = await anna.post(ORDERS, json=lab.order(csr=csr), headers=lab.key())

    assert (422, "csr-ca") == (answer.status_code, answer.json()["rule"])


@pytest.mark.parametrize(
    "names",
    [
        (x509.DNSName("www.shop.test"), x509.IPAddress(ip_address("10.0.0.1"))),
        (x509.DNSName("www.shop.test"), x509.DNSName("www.evil.test")),
        (x509.DNSName("*.shop.test"),),
        (x509.DNSName("www.shop.test"), x509.UniformResourceIdentifier("https://evil.test")),
        (x509.DNSName("www.shop.test"), x509.RFC822Name("root@shop.test")),
    ],
)
async def test_every_name_of_a_csr_is_checked(lab, anna, names):
    """OpenBao: addresses in a CSR went unchecked. Here every kind of name is, and nothing is issued."""
    head = lab.position()

    answer = await anna.post(ORDERS, json=lab.order(csr=csr_of(*names)), headers=lab.key())

    assert answer.status_code == 422 or "certificate" not in answer.json()
    assert not [topic for topic in lab.topics(head) if "issued" in topic]


@pytest.mark.parametrize(("method", "path"), [("POST", "issuers"), ("POST", "certificates"), ("PUT", "issuers/x")])
async def test_there_is_no_way_to_bring_an_authority_or_a_duplicate(lab, adam, method, path):
    """Sub-CA without a right on the parent; revocation by an uploaded duplicate: no such route, not even for ADMIN."""
    answer = await adam.request(method, f"/api/v1/{path}", json={}, headers=lab.key())

    assert 405 == answer.status_code


async def test_no_body_names_an_address_to_fetch(anna):
    """SSRF needs a URL from input: the only one that is taken is the command line's own loopback redirect."""
    schemas = (await anna.get("/api/openapi.json")).json()["components"]["schemas"]
    bodies = ("CreateTeam", "GiveGrant", "ProfileSpec", "RegisterHost", "RequestCertificate", "Why", "TokenWish")
    members = [name for body in bodies for name in schemas[body]["properties"]]

    assert [] == [name for name in members if "url" in name or "uri" in name or "endpoint" in name]


async def test_who_made_something_loses_it_with_the_role(lab, adam, anna):
    """The creator kept access after ownership moved: here nothing hangs on who made it."""
    grant = {"provider": "development", "subject_kind": "client", "subject": "ci-pay", "role": "ROLE_DEVOPS"}
    given = await adam.post("/api/v1/grants", json=grant | {"team_id": lab.team()}, headers=lab.key())
    async with lab.client("ci-pay") as pipeline:
        told = await issued(lab, pipeline)
        await adam.post(f"/api/v1/grants/{given.json()['id']}/withdraw", headers=lab.key())
        path = f"/api/v1/certificates/{told['certificate_id']}"
        after = await pipeline.get(path)

    assert after.status_code in {403, 404}
    assert 200 == (await anna.get(path)).status_code


async def test_an_approval_is_held_against_the_order_itself(lab, olga):
    """UCM: the self-check read another object. Here the requester is the order's, and the hash is this order's."""
    await lab.define("manual", "shop", approval="manual")
    async with lab.client("sec-omar") as omar:
        mine = await olga.post(ORDERS, json=lab.order(profile="manual"), headers=lab.key())
        other = await omar.post(ORDERS, json=lab.order("b.shop.test", profile="manual"), headers=lab.key())
        at = {"Min-Ledger-Position": other.headers["Ledger-Position"]}
        hashes = [
            (await olga.get(one.headers["Location"], headers=at)).json()["request_sha256"] for one in (mine, other)
        ]
        own = await olga.post(
            f"{mine.headers['Location']}/approve", json={"request_sha256": hashes[0]}, headers=lab.key()
        )
        swapped = await omar.post(
            f"{mine.headers['Location']}/approve", json={"request_sha256": hashes[1]}, headers=lab.key()
        )

    assert (403, "four-eyes") == (own.status_code, own.json()["rule"])
    assert swapped.status_code in {409, 422}


@pytest.mark.parametrize(
    "member", ["requester", "state", "waived_rules", "approvals_needed", "approved_by", "order_id"]
)
async def test_nobody_writes_what_the_system_decides(lab, anna, member):
    """Mass assignment: unknown members are refused by name."""
    answer = await anna.post(ORDERS, json=lab.order(**{member: "x"}), headers=lab.key())

    assert (422, True) == (answer.status_code, member in answer.json()["detail"])


async def test_a_callers_key_is_not_one_of_the_backends(lab, anna):
    """An idempotency key shaped like the one of a second step must not keep a signed certificate from the ledger."""
    for ahead in range(1, 30):
        key = {"Idempotency-Key": f"{lab.position() + ahead}:RecordIssued"}
        await anna.post(f"{ORDERS}/order-0/cancel", headers=key)

    answer = await anna.post(
        ORDERS, json=lab.order(), headers={"Idempotency-Key": f"{lab.position() + 1}:RecordIssued"}
    )
    told = await issued(lab, anna)

    assert (201, "fulfilled") == (answer.status_code, told["state"])


async def test_another_principals_key_answers_nothing(lab, anna, ben):
    """The same key and body by somebody else is judged on its own: no answer leaks through a guessed key."""
    key, wish = lab.key(), lab.order()
    mine = await anna.post(ORDERS, json=wish, headers=key)
    theirs = await ben.post(ORDERS, json=wish, headers=key)

    assert (201, 404) == (mine.status_code, theirs.status_code)


async def test_a_name_is_not_markup(lab):
    """What the provider says of a person is shown as text."""
    who = dataclasses.replace(signed_in("dev-anna", lab.clock), display_name="<script>alert(1)</script>")
    token, _ = lab.adapters.sessions.create(who, "browser")
    async with lab.client() as browser:
        page = await browser.get("/", headers={"Cookie": f"__Host-sslclm={token}"})

    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Original-URL", "X-Forwarded-User", "Client-Cert"])
async def test_headers_of_proxies_mean_nothing(lab, header):
    """Nothing that a client can send by itself makes it somebody."""
    async with lab.client() as stranger:
        answer = await stranger.get("/api/v1/me", headers={header: "/api/v1/orders"})

    assert 401 == answer.status_code

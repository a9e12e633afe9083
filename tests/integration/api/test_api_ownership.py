"""Ownership through HTTP: offers, contacts, what expires and what nobody looks after."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from domain.base import rfc3339
from infra.identity.tables import CONTACT
from tests.support.csrs import make_csr, pem_csr

ADDRESS = "certificates@shop.test"


async def issued(lab, anna, name: str) -> str:
    """Issue a certificate for team shop, with a key of its own."""
    csr = pem_csr(make_csr(ec.generate_private_key(ec.SECP256R1()), x509.DNSName(name)))
    made = await anna.post("/api/v1/orders", json=lab.order(name) | {"csr": csr}, headers=lab.key())
    return made.json()["certificate_id"]


async def send(lab, client, certificate_id: str, what: str, **body: str):
    """Send one command of a transfer."""
    answer = await client.post(f"/api/v1/certificates/{certificate_id}/transfer/{what}", json=body, headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    return answer


async def listed(client, path: str = "/api/v1/transfers", **query: object):
    """Return a list's items."""
    return (await client.get(path, params=query)).json()["items"]


async def test_both_sides_see_an_open_offer_and_nobody_else(lab, anna, ben):
    """With its names; refused, it is the owner's alone again."""
    certificate_id = await issued(lab, anna, "offered.shop.test")
    assert 200 == (await send(lab, anna, certificate_id, "offer", team="pay")).status_code
    for client in (anna, ben):
        assert ["offered.shop.test"] == [name for row in await listed(client) for name in row["dns_names"]]
        (row,) = await listed(client)
        assert ["shop", "pay"] == [row["team_name"], row["to_team_name"]]
        assert row["offered_by_name"]
    assert 404 == (await ben.get(f"/api/v1/certificates/{certificate_id}")).status_code

    assert 200 == (await send(lab, ben, certificate_id, "refuse")).status_code
    assert [] == await listed(ben, every=True)
    assert ["refused"] == [row["state"] for row in await listed(anna, every=True)]


async def test_after_the_move_the_former_owner_sees_nothing(lab, anna, ben):
    """Neither certificate nor chain nor list; the receiving team sees all of them."""
    certificate_id = await issued(lab, anna, "moved.shop.test")
    await send(lab, anna, certificate_id, "offer", team="pay")
    assert 200 == (await send(lab, ben, certificate_id, "accept")).status_code

    for path in ("", "/chain"):
        assert 404 == (await anna.get(f"/api/v1/certificates/{certificate_id}{path}")).status_code
        assert 200 == (await ben.get(f"/api/v1/certificates/{certificate_id}{path}")).status_code
    assert [] == await listed(anna, "/api/v1/certificates", name="moved.shop.test")
    assert [lab.team("pay")] == [
        row["team_id"] for row in await listed(ben, "/api/v1/certificates", name="moved.shop.test")
    ]


async def test_a_contact_is_kept_where_it_can_be_erased(lab, anna, ben):
    """Shown to who sees the team, replaced without a trace, and never in the ledger."""
    path, team = f"/api/v1/teams/{lab.team()}", lab.team()
    for address in ("first@shop.test", ADDRESS):
        answer = await anna.post(f"{path}/contact", json={"address": address}, headers=lab.key())
        assert 200 == answer.status_code
    await lab.backend.views.wait_for(lab.position())
    shown = (await anna.get(path)).json()

    assert (ADDRESS, True) == (shown["contact"], shown["kept"])
    kept = lab.adapters.records.find(CONTACT)
    assert [ADDRESS] == [row["address"] for row in kept]
    assert 404 == (await ben.post(f"{path}/contact", json={"address": ADDRESS}, headers=lab.key())).status_code
    stored = [bytes(one.state) for entry in lab.backend.ledger.entries(1, limit=5_000) for one in entry.events]
    assert not any(b"@shop.test" in state for state in stored)
    assert any(team.encode() in one for one in stored)


@pytest.mark.parametrize("bad", ["", "nobody", "a b@a.test", "a@b@c d", "x@a.test\r\nBcc: y@b.test", "a@1.2.3.4"])
async def test_what_is_no_address_is_refused_without_repeating_it(lab, anna, bad):
    """One plain address; nothing that could steer a mail's header."""
    answer = await anna.post(f"/api/v1/teams/{lab.team()}/contact", json={"address": bad}, headers=lab.key())

    assert (422, "contact-address") == (answer.status_code, answer.json()["rule"])
    assert not bad or bad not in answer.text


async def test_the_end_of_a_revoked_certificate_is_watched_no_more(lab, anna):
    """Renewals carry names; asked for what is open, a revoked certificate's is not among them."""
    kept, gone = [await issued(lab, anna, name) for name in ("kept.shop.test", "gone.shop.test")]
    path = f"/api/v1/certificates/{gone}/revoke"
    assert 200 == (await anna.post(path, json={}, headers=lab.key())).status_code
    await lab.backend.views.wait_for(lab.position())
    found = {row["certificate_id"]: row for row in await listed(anna, "/api/v1/renewals", limit=200)}
    still = [row["certificate_id"] for row in await listed(anna, "/api/v1/renewals", open=True, limit=200)]

    assert (["gone.shop.test"], False) == (found[gone]["dns_names"], found[gone]["is_open"])
    assert (True, False) == (kept in still, gone in still)


async def test_what_expires_first_comes_first(lab, anna, olga):
    """Ordered by notAfter, up to the moment that was asked for."""
    await issued(lab, anna, "soon.shop.test")
    await lab.backend.views.wait_for(lab.position())
    soon = rfc3339(lab.clock() + timedelta(days=31))
    found = await listed(olga, "/api/v1/certificates", expiring_before=soon, limit=200)

    ends = [row["not_after"] for row in found]
    assert ends
    assert sorted(ends) == ends


async def test_unowned_is_what_has_no_contact_or_no_grant(lab, adam, anna):
    """A team without a contact looks after nothing; with one, and a grant in force, it does."""
    certificate_id = await issued(lab, anna, "unowned.shop.test")
    await lab.backend.views.wait_for(lab.position())

    async def nobodys() -> list[str]:
        return [row["certificate_id"] for row in await listed(adam, "/api/v1/certificates", unowned=True, limit=200)]

    await anna.post(f"/api/v1/teams/{lab.team()}/contact", json={"address": ADDRESS}, headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    assert certificate_id not in await nobodys()
    given = await listed(adam, "/api/v1/grants", team=lab.team(), in_force=True)
    for grant in given:
        await adam.post(f"/api/v1/grants/{grant['grant_id']}/withdraw", json={}, headers=lab.key())
    await lab.backend.views.wait_for(lab.position())
    assert certificate_id in await nobodys()
    for grant in given:  # the other tests' people get their rights back
        told = {name: grant[name] for name in ("provider", "subject_kind", "subject", "role", "team_id")}
        await adam.post("/api/v1/grants", json=told, headers=lab.key())

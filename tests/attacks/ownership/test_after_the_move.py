"""Lemur: the creator kept key access after ownership moved. Here nothing of the key is left to the former owner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from commands.certificates.importing import KEY_FIELD
from commands.keys.decide_reveal import ApproveReveal
from commands.keys.deliver import AuthoriseDelivery
from commands.keys.redeem import RedeemReveal
from commands.keys.request_reveal import RequestReveal
from commands.work import Work
from domain.certificates.certificate import Certificate
from domain.errors import Denied, NotFound, WrongState
from domain.hosts.deployment import Deployment
from domain.hosts.targets import Endpoint, TargetSpec
from domain.keys.key import Key
from domain.keys.reveal import Reveal, act_of
from tests.support.drafts import draft_of
from tests.support.foreign import PASSWORD, leaf, sent
from tests.support.world import olga as sec_olga
from tests.support.world import omar as sec_omar
from tests.support.world import system, the_agent

PLACE = TargetSpec(directory="/srv/tls", endpoints=(Endpoint(address="127.0.0.1", port=443, server_name="x.test"),))


def load(lab, kind, stream_id):
    """Load an aggregate as the ledger has it."""
    return Work(lab.backend.services, system()).load(kind, stream_id)


async def with_kept_key(lab, anna, name: str) -> Certificate:
    """Return a certificate of team shop whose private key lies in the key store."""
    await lab.define("keeping", "shop", key_made=("server",))
    body = {"team_id": lab.team(), "files": sent(leaf(name).p12()), "passwords": [PASSWORD]}
    body |= {"profile_id": lab.profile("keeping")}
    [item] = (await anna.post("/api/v1/certificates/import", json=body, headers=lab.key())).json()["items"]
    assert "kept" == item["key"], item
    await lab.backend.views.wait_for(lab.position())
    return load(lab, Certificate, item["certificate_id"])


async def move(lab, anna, ben, certificate_id: str) -> None:
    """Move a certificate from team shop to team pay."""
    path = f"/api/v1/certificates/{certificate_id}/transfer"
    for client, what, body in ((anna, "offer", {"team": "pay"}), (ben, "accept", {})):
        assert 200 == (await client.post(f"{path}/{what}", json=body, headers=lab.key())).status_code
    await lab.backend.views.wait_for(lab.position())


async def test_the_creator_keeps_no_key_access(lab, anna, ben):
    """Key, accesses and certificate are gone for whoever brought them; the new owner has them."""
    certificate = await with_kept_key(lab, anna, "moved.shop.test")
    key_id = Key.id_for(certificate.spki_sha256)
    assert 200 == (await anna.get(f"/api/v1/keys/{key_id}")).status_code
    await move(lab, anna, ben, certificate.id)

    for path in (f"/api/v1/keys/{key_id}", f"/api/v1/certificates/{certificate.id}"):
        assert (404, 200) == ((await anna.get(path)).status_code, (await ben.get(path)).status_code)
    listed = (await anna.get("/api/v1/keys")).json()["items"]
    assert key_id not in [row["key_id"] for row in listed]
    for what in ("revoke", "transfer/offer"):
        body = {"team": "shop"} if what.startswith("transfer") else {}
        answer = await anna.post(f"/api/v1/certificates/{certificate.id}/{what}", json=body, headers=lab.key())
        assert 404 == answer.status_code


async def test_a_reveal_that_was_approved_before_shows_nothing_after(lab, anna, ben):
    """Who approved did so for another owner's key."""
    certificate = await with_kept_key(lab, anna, "revealed.shop.test")
    bus = lab.backend.bus
    asked = await bus.execute(RequestReveal(certificate_id=certificate.id), sec_olga(reason="an appliance"))
    reveal_id = asked.id_of("reveal") or ""
    digest = load(lab, Reveal, reveal_id).request_sha256
    await bus.execute(ApproveReveal(reveal_id=reveal_id, request_sha256=digest), sec_omar())
    await move(lab, anna, ben, certificate.id)

    olga = sec_olga()
    proof = replace(olga.principal.authentication, fresh_for=act_of(reveal_id))
    fresh = replace(olga, principal=replace(olga.principal, authentication=proof))
    with pytest.raises(WrongState) as refused:
        await bus.execute(RedeemReveal(reveal_id=reveal_id), fresh)
    assert refused.value.rule == "approval-binding"


async def install(lab, certificate: Certificate, host_id: str) -> Deployment:
    """Plan to install a certificate on a host of team shop."""
    planned = Deployment.plan(
        stream_id=Deployment.id_for(certificate.id, 0),
        order_id="order-none",
        certificate_id=certificate.id,
        host_id=host_id,
        team_id=lab.team(),
        generation=1,
        target=PLACE,
        at=lab.clock(),
    )
    lab.backend.ledger.append_blocking(draft_of(planned))
    await lab.backend.views.wait_for(lab.position())
    return planned


async def test_the_former_owners_host_gets_no_key(lab, anna, ben):
    """A deployment that was planned before the move is not served with the key afterwards, nor tried again."""
    certificate = await with_kept_key(lab, anna, "delivered.shop.test")
    host_id = await lab.host("former.shop.test")
    planned = await install(lab, certificate, host_id)
    path = f"/api/v1/certificates/{certificate.id}/transfer"
    await anna.post(f"{path}/offer", json={"team": "pay"}, headers=lab.key())
    waiting = await ben.post(f"{path}/accept", json={}, headers=lab.key())
    assert (409, "transfer-installing") == (waiting.status_code, waiting.json()["rule"])

    planned.report_failed(stage="probe", detail="", rolled_back=True, served_now=None, at=lab.clock())
    lab.backend.ledger.append_blocking(draft_of(planned))
    await lab.backend.views.wait_for(lab.position())
    assert 200 == (await ben.post(f"{path}/accept", json={}, headers=lab.key())).status_code
    await lab.backend.views.wait_for(lab.position())
    again = await anna.post(f"/api/v1/deployments/{planned.id}/retry", json={}, headers=lab.key())
    assert (409, "certificate-moved") == (again.status_code, again.json()["rule"])

    command = AuthoriseDelivery(deployment_id=planned.id, host_id=host_id, task_id=planned.task_id)
    with pytest.raises((Denied, NotFound, WrongState)):
        await lab.backend.bus.execute(command, the_agent(host_id, "a" * 64))


async def test_the_key_itself_stays_where_it_is(lab, anna, ben):
    """Nothing is copied on the way: the new owner's key is the one that was stored."""
    certificate = await with_kept_key(lab, anna, "stays.shop.test")
    key_id = Key.id_for(certificate.spki_sha256)
    stored_as = load(lab, Key, key_id).stored_as
    before = sorted(lab.backend.keystore.key_ids())
    await move(lab, anna, ben, certificate.id)

    assert before == sorted(lab.backend.keystore.key_ids())
    assert stored_as == load(lab, Key, key_id).stored_as
    assert lab.backend.keystore.get(stored_as, KEY_FIELD)

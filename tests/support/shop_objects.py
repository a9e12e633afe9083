"""One object of every kind that belongs to team shop, so that each route has something to be aimed at."""

from __future__ import annotations

from commands.context import SYSTEM, Context
from commands.ports.ledger import EntryDraft
from commands.work import Work
from domain.hosts.deployment import Deployment
from domain.hosts.targets import Endpoint, TargetSpec
from domain.issuers.issuer import Issuer
from domain.keys.key import Key
from domain.keys.reveal import Reveal
from projections.certificates.inventory import INVENTORY


async def shop_objects(lab):
    """Return ids of team shop's objects, by the name of the path's parameter."""
    host = await lab.host()
    await lab.define("by-hand", "shop", approval="manual")
    async with lab.client("adam") as adam, lab.client("dev-anna") as anna:
        grant = {"provider": "development", "subject": "nobody", "role": "ROLE_VIEWER"}
        given = (await adam.post("/api/v1/grants", json=grant, headers=lab.key())).json()["id"]
        waiting = (await anna.post("/api/v1/orders", json=lab.order(profile="by-hand"), headers=lab.key())).json()
        issued = (await anna.post("/api/v1/orders", json=lab.order(), headers=lab.key())).json()
    deployment = await _deployment(lab, host, issued)
    return {
        "team_id": lab.team(),
        "grant_id": given,
        "profile_id": lab.profile(),
        "issuer_id": Issuer.id_for("issuing"),
        "host_id": host,
        "deployment_id": deployment,
        "order_id": waiting["order_id"],
        "certificate_id": issued["certificate_id"],
        "object_id": host,
        "key_id": _key_of(lab, issued),
        "reveal_id": await _reveal(lab, issued),
    }


async def _reveal(lab, issued):
    """Put a reveal into the ledger that none of the personas asked for."""
    key_id, work = _key_of(lab, issued), Work(lab.backend.services, Context(SYSTEM, "lab"))
    reveal = Reveal.request(
        stream_id=work.new_id("reveal"),
        key_id=key_id,
        certificate_id=issued["certificate_id"],
        spki_sha256="0" * 64,
        team_id=lab.team(),
        requester="p-somebody",
        at=work.now,
    )
    work.add(reveal)
    entry = await lab.backend.ledger.append(EntryDraft(tuple(work.drafts()), b'{"actor":"system"}'))
    await lab.backend.views.wait_for(entry.last_position)
    return reveal.id


def _key_of(lab, issued):
    """Return the id of the key that a certificate certifies."""
    return Key.id_for(lab.backend.views.get(INVENTORY, issued["certificate_id"])["spki_sha256"])


async def _deployment(lab, host, issued):
    """Put a planned deployment into the ledger, as the end of an issuance for a host does."""
    work = Work(lab.backend.services, Context(SYSTEM, "lab"))
    deployment = Deployment.plan(
        stream_id=Deployment.id_for(issued["certificate_id"], 0),
        order_id=issued["order_id"],
        certificate_id=issued["certificate_id"],
        host_id=host,
        team_id=lab.team(),
        generation=1,
        target=TargetSpec(
            directory="/etc/nginx/tls",
            endpoints=(Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test"),),
        ),
        at=work.now,
    )
    work.add(deployment)
    entry = await lab.backend.ledger.append(EntryDraft(tuple(work.drafts()), b'{"actor":"system"}'))
    await lab.backend.views.wait_for(entry.last_position)
    return deployment.id

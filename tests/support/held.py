"""Keys of the key store in a lab: a profile that allows them, certificates for them, and the ways to a reveal."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2

from commands.keys.copies import Sweep, end_copies
from commands.keys.make import make_server_keys
from domain.keys.reveal import act_of
from tests.support.edge import Lab
from tests.support.fake_identity import signed_in

WHY = {"reason": "the appliance takes keys by hand only"}


async def appliance(lab: Lab, name: str = "appliance", **spec: Any) -> str:
    """Define a profile of team shop whose keys the key store makes; returns its id."""
    return await lab.define(name, "shop", **{"key_made": ("server",), **spec})


async def make_keys(lab: Lab) -> int:
    """Let the backend make what is wanted, as its upkeep does; returns how many."""
    backend = lab.backend
    await backend.views.wait_for(lab.position())
    made = await make_server_keys(backend.bus, backend.services.reading, backend.custody())
    await backend.views.wait_for(lab.position())
    return made


async def give_up(lab: Lab, now: float = 0.0) -> int:
    """Let the backend give up copies that are over; returns how many were shredded."""
    backend = lab.backend
    await backend.views.wait_for(lab.position())
    await end_copies(backend.bus, backend.services.reading)
    return await sweep(lab).round(now)


def sweep(lab: Lab) -> Sweep:
    """Return a sweep that has seen nothing yet."""
    return Sweep(lab.backend.bus, lab.backend.services.reading, lab.backend.keystore)


async def certificate(lab: Lab, *names: str, profile: str = "appliance") -> str:
    """Order a certificate for a person with a key of the key store; returns the certificate's id."""
    body = {"team_id": lab.team(), "profile_id": lab.profile(profile), "dns_names": names or ("box.shop.test",)}
    async with lab.client("dev-anna") as anna:
        answer = await anna.post("/api/v1/orders", json={**body, "server_key": True}, headers=lab.key())
        assert answer.status_code == 202, answer.text
        assert await make_keys(lab) == 1
        order = (await anna.get(f"/api/v1/orders/{answer.json()['order_id']}")).json()
    return str(order["certificates"][""])


def ways(lab: Lab, name: str) -> tuple[httpx2.AsyncClient, str]:
    """Return a client of one command-line session, and that session's token."""
    client = lab.client(name)
    return client, client.headers["Authorization"].removeprefix("Bearer ")


def step_up(lab: Lab, token: str, name: str, reveal_id: str, *, age: int = 0) -> None:
    """Sign in afresh for one reveal, ``age`` seconds ago."""
    who = signed_in(name, lab.clock)
    who = replace(who, auth_time=lab.clock() - timedelta(seconds=age))
    lab.adapters.sessions.note_step_up(token, who, act_of(reveal_id))


async def ask(lab: Lab, client: httpx2.AsyncClient, certificate_id: str) -> str:
    """Ask for a reveal; returns its id."""
    answer = await client.post(f"/api/v1/certificates/{certificate_id}/reveals", json=WHY, headers=lab.key())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def approve(lab: Lab, reveal_id: str, name: str = "sec-omar") -> httpx2.Response:
    """Approve what one reads."""
    await lab.backend.views.wait_for(lab.position())
    async with lab.client(name) as second:
        seen = (await second.get(f"/api/v1/reveals/{reveal_id}")).json()
        body = {"request_sha256": seen["request_sha256"]}
        return await second.post(f"/api/v1/reveals/{reveal_id}/approve", json=body, headers=lab.key())


async def redeemable(lab: Lab, certificate_id: str) -> tuple[str, httpx2.AsyncClient, str]:
    """Bring a reveal of Olga's to the point where only the redemption is left: id, her client, her token."""
    olga, token = ways(lab, "sec-olga")
    reveal_id = await ask(lab, olga, certificate_id)
    assert (await approve(lab, reveal_id)).is_success
    step_up(lab, token, "sec-olga", reveal_id)
    return reveal_id, olga, token


async def redeem(lab: Lab, client: httpx2.AsyncClient, reveal_id: str, **headers: str) -> httpx2.Response:
    """Redeem a reveal."""
    return await client.post(f"/api/v1/reveals/{reveal_id}/redeem", json={}, headers={**lab.key(), **headers})


def opened(answer: httpx2.Response) -> tuple[bytes, bytes]:
    """Return file and password of a redeemed reveal."""
    told = answer.raise_for_status().json()
    return base64.b64decode(told["pkcs12"]), told["password"].encode()

"""Renewals aimed at others: no certificate of another team is replaced, silenced or retargeted by anybody's wish."""

from __future__ import annotations

import asyncio

import pytest

from commands.certificates.request import RequestCertificate
from commands.context import Context, Held, Principal, Role
from domain.errors import NotFound
from domain.hosts.targets import Endpoint, TargetSpec
from projections.certificates.inventory import INVENTORY, InventoryFilter
from tests.support.edge import open_lab
from tests.support.fleet import Fleet


@pytest.fixture
def fleet(tmp_path):
    """A host of team shop that serves a certificate."""
    with open_lab(tmp_path) as lab:
        fleet = Fleet(lab)
        asyncio.run(_serving(fleet))
        yield fleet


async def _serving(fleet: Fleet) -> None:
    host = await fleet.lab.host()
    await fleet.order(host)
    await fleet.work(host)


def _certificate(fleet: Fleet) -> str:
    (row,) = fleet.certificates(state="issued")
    return row["certificate_id"]


async def _as(fleet: Fleet, persona: str, path: str, body: dict) -> tuple[int, str]:
    async with fleet.lab.client(persona) as client:
        answer = await client.post(path, json=body, headers=fleet.lab.key())
    return answer.status_code, answer.json().get("rule", "")


@pytest.mark.parametrize("member", ["replaces", "certificate_ids", "cause", "targets", "dns_names", "team_id"])
def test_a_wish_names_nothing_but_its_certificate(fleet, member):
    """What is replaced, where and for whom comes from the certificate: a body that says more is refused."""
    before = fleet.lab.position()
    path = f"/api/v1/certificates/{_certificate(fleet)}/renew"
    status, _ = asyncio.run(_as(fleet, "dev-anna", path, {member: [_certificate(fleet)]}))

    assert status in {400, 422}
    assert fleet.lab.position() == before


def test_an_order_cannot_say_that_it_replaces(fleet):
    """``replaces`` is no member of an order, whoever sends it."""
    body = fleet.lab.order("www.shop.test") | {"replaces": [_certificate(fleet)]}
    status, _ = asyncio.run(_as(fleet, "dev-anna", "/api/v1/orders", body))

    assert status in {400, 422}
    assert fleet.certificates(state="superseded") == []


def test_another_teams_certificate_is_not_there(fleet):
    """Renewing it answers 404, and the attempt is on record; the owner's certificate is as it was."""
    before, path = fleet.lab.position(), f"/api/v1/certificates/{_certificate(fleet)}/renew"
    status, _ = asyncio.run(_as(fleet, "dev-ben", path, {}))

    assert status == 404
    assert fleet.lab.topics(before) == ["sslclm.access.refused.v1"]
    assert [row["state"] for row in fleet.renewals()] == ["planned"]


def test_another_teams_renewals_are_not_listed(fleet):
    """Neither in the list nor by the certificate's id."""

    async def look() -> list[dict]:
        async with fleet.lab.client("dev-ben") as ben:
            found = [
                await ben.get("/api/v1/renewals", params=query) for query in ({}, {"certificate": _certificate(fleet)})
            ]
        return [one for answer in found for one in answer.json()["items"]]

    assert asyncio.run(look()) == []


def test_an_order_for_the_same_place_of_another_team_supersedes_nothing(fleet):
    """A host is one team's: nobody else's order gets near its places."""
    before = fleet.lab.backend.views.find(INVENTORY, InventoryFilter(state="issued")).rows
    ben = Principal("p-ben", "person", (Held(Role.DEVOPS, fleet.lab.team("pay")),))
    seen = Endpoint(address="127.0.0.1", port=443, server_name="www.shop.test")
    (row,) = fleet.certificates(state="issued")
    wish = RequestCertificate.model_validate(
        {
            "team_id": fleet.lab.team("pay"),
            "profile_id": fleet.lab.profile(),
            "dns_names": ("www.shop.test",),
            "targets": [{"host_id": row["host_id"], "spec": TargetSpec(directory="/srv/tls/www", endpoints=(seen,))}],
        }
    )
    with pytest.raises(NotFound, match="there is no"):
        asyncio.run(fleet.lab.backend.bus.execute(wish, Context(ben, "c-ben")))

    assert fleet.lab.backend.views.find(INVENTORY, InventoryFilter(state="issued")).rows == before

"""What a reader can break or find out: unrecorded looks, times beyond the calendar, other teams' profiles."""

from __future__ import annotations

import json

import pytest

READ, REFUSED = "sslclm.audit.read.v1", "sslclm.access.refused.v1"


async def test_every_object_that_is_looked_at_is_recorded(lab):
    """The histories of two objects are two looks, also within a quarter of an hour."""
    hosts = [await lab.host(f"looked{number}.shop.test") for number in (1, 2)]
    head = lab.position()

    async with lab.client("vera") as vera:
        answers = [await vera.get(f"/api/v1/audit/objects/{host}") for host in (*hosts, *hosts)]

    assert [200] * 4 == [one.status_code for one in answers]
    assert [READ, READ] == lab.topics(head)


async def test_no_object_has_a_long_id(lab):
    """An id that no object can have is refused, and is not kept in the ledger."""
    head = lab.position()

    async with lab.client("vera") as vera:
        answer = await vera.get(f"/api/v1/audit/objects/{'g' * 5_000}")

    assert (422, "object-id") == (answer.status_code, answer.json()["rule"])
    assert [] == lab.topics(head)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("path", ["audit/events?from=", "audit/events?to=", "certificates?expiring_before="])
async def test_a_time_beyond_the_calendar_is_refused(lab, path, moment):
    """A moment that UTC cannot say is bad input, not an error of ours."""
    async with lab.client("vera") as vera:
        answer = await vera.get(f"/api/v1/{path}{moment}")

    assert 422 == answer.status_code, answer.text


async def test_another_teams_profile_cannot_be_told_from_none(lab):
    """Profile ids derive from names, so they can be guessed: an order by a foreign one answers as by none."""
    await lab.define("pays-own", "pay")

    async with lab.client("dev-anna") as anna:
        foreign = await anna.post("/api/v1/orders", json=lab.order(profile="pays-own"), headers=lab.key())
        missing = await anna.post("/api/v1/orders", json=lab.order(profile="nothing"), headers=lab.key())

    told = [{**one.json(), "correlation_id": ""} for one in (foreign, missing)]
    assert told[0] == told[1]
    assert 404 == foreign.status_code


async def test_a_shared_profile_does_not_name_the_other_team(lab):
    """A profile of two teams shows each of them itself only, and cannot be searched by the other."""
    profile = await lab.define("shared", "shop", "pay")

    async with lab.client("dev-anna") as anna, lab.client("vera") as vera:
        shown = await anna.get(f"/api/v1/profiles/{profile}")
        listed = await anna.get("/api/v1/profiles")
        searched = await anna.get(f"/api/v1/profiles?team={lab.team('pay')}")
        everything = await vera.get(f"/api/v1/profiles/{profile}")

    assert [lab.team("shop")] == shown.json()["teams"] == shown.json()["spec"]["teams"]
    assert lab.team("pay") not in shown.text + listed.text
    assert [] == searched.json()["items"]
    assert {lab.team("shop"), lab.team("pay")} == set(everything.json()["teams"])


@pytest.mark.parametrize("text", ["x" * 100_000, "<b>é\0"])
async def test_a_refusal_is_recorded_whatever_was_asked_for(lab, text):
    """An id that is none neither keeps the refusal from the ledger nor gets into it."""
    head = lab.position()

    async with lab.client("dev-ben") as ben, lab.client("vera") as vera:
        order = await ben.post("/api/v1/orders", json=lab.order() | {"profile_id": text}, headers=lab.key())
        team = await vera.post("/api/v1/hosts", json={"name": "x.test", "team_id": text}, headers=lab.key())

    assert [404, 403] == [order.status_code, team.status_code]
    assert [REFUSED, REFUSED] == lab.topics(head)
    assert [None] * 2 == [json.loads(entry.events[0].state)["object_id"] for entry in lab.edge.ledger.entries(head + 1)]


async def test_somebody_without_a_role_is_not_recorded_as_the_system(lab):
    """The ledger names no role for a stranger's refused call, least of all the backend's own."""
    head = lab.position()

    async with lab.client("nora") as nora:
        answer = await nora.get("/api/v1/orders")

    entry = lab.edge.ledger.entries(head + 1)[0]
    assert 403 == answer.status_code
    assert "role" not in json.loads(entry.metadata)


async def test_whoever_may_not_approve_learns_of_no_order(lab):
    """A member of another team is denied the act itself, whether the order is there or not."""
    await lab.define("waiting", "shop", approval="manual")
    body = {"request_sha256": "0" * 64}

    async with lab.client("dev-anna") as anna, lab.client("dev-ben") as ben:
        made = await anna.post("/api/v1/orders", json=lab.order(profile="waiting"), headers=lab.key())
        there = await ben.post(f"{made.headers['Location']}/approve", json=body, headers=lab.key())
        nowhere = await ben.post(f"/api/v1/orders/order-{'0' * 36}/approve", json=body, headers=lab.key())

    told = [{**one.json(), "correlation_id": ""} for one in (there, nowhere)]
    assert told[0] == told[1]
    assert [403, 403] == [there.status_code, nowhere.status_code]

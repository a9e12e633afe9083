"""What is happening now: from a position on, nothing missed, nothing twice, and teams see what concerns them."""

from __future__ import annotations

import asyncio

PATH = "/api/v1/activity"


async def now(client) -> int:
    """Return the position from which on a client will be told."""
    return (await client.get(PATH)).json()["position"]


async def order(lab, client, name: str, **more) -> None:
    """Order a certificate."""
    answer = await client.post("/api/v1/orders", json=lab.order(name, **more), headers=lab.key())
    assert answer.status_code == 201, answer.text


async def told(client, after: int, **query) -> dict:
    """Return what happened."""
    answer = await client.get(PATH, params={"after": after, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_events_are_told_in_words(lab, anna, vera):
    """What, about which object by name, who: without an id that anybody has to look up."""
    start = await now(vera)
    await order(lab, anna, "words.shop.test")
    await lab.backend.views.wait_for(lab.position())
    items = (await told(vera, start))["items"]

    words = [one["what"] for one in items if not one["topic"].startswith("sslclm.renewal.")]
    assert words == [
        "certificate requested",
        "order approved",
        "key accepted",
        "key introduced",
        "CA key signs a certificate",
        "certificate issued",
        "order fulfilled",
    ]
    assert {one["object"] for one in items} == {"words.shop.test"}
    assert {one["actor_name"] for one in items} == {"Anna (team shop)"}


async def test_teams_see_what_concerns_them(lab, anna, ben, vera):
    """DevOps of one team are told nothing of another's; whoever audits is told everything."""
    for client in (anna, ben, vera):
        await now(client)
    start = lab.position()
    await order(lab, anna, "scoped.shop.test")
    await vera.get("/api/v1/audit/events")
    await lab.backend.views.wait_for(lab.position())
    shop, pay, all_of_it = (await told(anna, start), await told(ben, start), await told(vera, start))

    assert {one["object"] for one in shop["items"]} == {"scoped.shop.test"}
    assert pay["items"] == []
    assert pay["position"] == lab.position()
    assert len(all_of_it["items"]) == len(shop["items"]) + 1


async def test_a_waiting_caller_is_woken(lab, anna, vera):
    """A long-poll answers when something happens, long before its time is up."""
    start = await now(vera)
    waiting = asyncio.ensure_future(told(vera, start, wait=25))
    await order(lab, anna, "woken.shop.test")
    async with asyncio.timeout(10):
        found = await waiting

    assert found["items"]
    assert found["position"] >= found["items"][-1]["position"]


async def test_pages_follow_each_other(lab, anna, vera):
    """Asked in small steps from position to position, every event is told once and in order."""
    start = await now(vera)
    await order(lab, anna, "steps.shop.test")
    await lab.backend.views.wait_for(lab.position())
    seen, after = [], start
    while page := (found := await told(vera, after, limit=2))["items"]:
        assert after < found["position"]
        seen += [one["position"] for one in page]
        after = found["position"]

    assert seen == list(range(start + 1, lab.position() + 1))


async def test_a_position_that_is_not_there_yet_is_refused(lab, vera):
    """Whoever followed another ledger is told so, instead of waiting for ever."""
    answer = await vera.get(PATH, params={"after": lab.position() + 1_000})

    assert (answer.status_code, answer.json()["rule"]) == (422, "position-ahead")
    for strange in ("-1", "x", str(10**15)):
        assert (await vera.get(PATH, params={"after": strange})).status_code == 422

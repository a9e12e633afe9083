"""Whoever asks to be forgotten is: nobody knows by whom the old acts were, and four eyes are not led astray."""

from __future__ import annotations

import pytest

from commands.access.erase_person import ErasePerson, erase_person
from commands.context import SYSTEM, Context
from domain.errors import NotFound, WrongState
from tests.support.edge import open_lab


@pytest.fixture
def lab(tmp_path):
    """A backend with its HTTP edge."""
    with open_lab(tmp_path) as opened:
        yield opened


async def erased(lab, pseudonym):
    """Erase a person as the server's command does."""
    people = lab.edge.identity
    command = ErasePerson(pseudonym=pseudonym)
    await erase_person(lab.backend.bus, people.directory, people.sessions, command, Context(SYSTEM, "erase-1"))


async def test_a_person_is_forgotten_and_comes_back_as_a_stranger(lab):
    """Name and sessions are gone, the erasure is on record, and the next sign-in has another pseudonym."""
    async with lab.client("dev-anna") as anna:
        me = (await anna.get("/api/v1/me")).json()["pseudonym"]
        head = lab.position()
        await erased(lab, me)
        refused = (await anna.get("/api/v1/me")).status_code
    async with lab.client("dev-anna") as again:
        other = (await again.get("/api/v1/me")).json()["pseudonym"]

    assert (401, None) == (refused, lab.edge.identity.directory.known(me))
    assert me != other
    assert "sslclm.person.erased.v1" == lab.topics(head)[0]
    with pytest.raises(NotFound):
        await erased(lab, me)


async def test_nobody_is_forgotten_before_their_order_is_decided(lab):
    """Under the next pseudonym its requester could approve it: refused, until it is cancelled."""
    async with lab.client("dev-anna") as anna:
        me = (await anna.get("/api/v1/me")).json()["pseudonym"]
        await lab.define("by-hand", "shop", approval="manual")
        wish = lab.order("www.shop.test", profile="by-hand")
        order = (await anna.post("/api/v1/orders", json=wish, headers=lab.key())).json()["order_id"]
        with pytest.raises(WrongState, match=order):
            await erased(lab, me)
        assert 200 == (await anna.post(f"/api/v1/orders/{order}/cancel", headers=lab.key())).status_code
    await erased(lab, me)

    assert lab.edge.identity.directory.known(me) is None

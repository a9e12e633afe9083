"""What somebody tries who wants to see a key: each attempt is refused, leaves its mark, and moves no byte.

Harm prevented: a key in the hands of one person alone, of a machine, of a former owner, or twice.
"""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest

from commands.context import SYSTEM, Context, Held, Principal, Role
from commands.keys.decide_reveal import ApproveReveal
from commands.keys.redeem import RedeemReveal
from commands.keys.request_reveal import RequestReveal
from commands.work import Work
from domain.errors import Denied
from domain.keys.key import Key
from domain.keys.reveal import Reveal
from tests.support import held
from tests.support.drafts import draft_of


@pytest.fixture
async def certificate_id(lab):
    """Return a certificate of team shop whose key is in the key store."""
    await held.appliance(lab)
    return await held.certificate(lab)


def told(answer) -> tuple[int, str]:
    """Return status and rule."""
    return answer.status_code, answer.json()["rule"]


async def test_a_hundred_redemptions_at_once_give_one_key(lab, certificate_id):
    """One gets the file, ninety-nine a 409; one authorisation stands in the ledger."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    before = lab.position()
    answers = await asyncio.gather(*(held.redeem(lab, olga, reveal_id) for _ in range(100)))

    assert [200] + [409] * 99 == sorted(answer.status_code for answer in answers)
    assert 1 == sum("pkcs12" in answer.text for answer in answers)
    assert 1 == lab.topics(before).count("sslclm.reveal.authorised.v1")


@pytest.mark.parametrize("who", ["vera", "dev-anna", "dev-ben", "ci-shop"])
async def test_who_holds_no_grave_role_asks_for_no_key(lab, certificate_id, who):
    """Viewers, the owner's own DevOps, other teams and machines: 403, on record, whatever the certificate."""
    before = lab.position()
    async with lab.client(who) as client:
        path = f"/api/v1/certificates/{certificate_id}/reveals"
        refused = await client.post(path, json=held.WHY, headers=lab.key())

    assert (403, "access-denied") == told(refused)
    assert "sslclm.access.refused.v1" in lab.topics(before)


@pytest.mark.parametrize("who", ["vera", "dev-anna", "adam", "sec-olga", "ci-shop"])
async def test_the_second_person_is_sec_ops_and_not_the_requester(lab, certificate_id, who):
    """Not the requester, not an administrator outside break-glass, nobody else: 403."""
    olga, _ = held.ways(lab, "sec-olga")
    reveal_id = await held.ask(lab, olga, certificate_id)
    await lab.backend.views.wait_for(lab.position())
    seen = (await olga.get(f"/api/v1/reveals/{reveal_id}")).json()
    async with lab.client(who) as client:
        body = {"request_sha256": seen["request_sha256"]}
        refused = await client.post(f"/api/v1/reveals/{reveal_id}/approve", json=body, headers=lab.key())

    assert refused.status_code == 403
    assert refused.json()["rule"] == ("four-eyes" if who == "sec-olga" else "access-denied")


async def test_nobody_delegates_an_approval_to_oneself(lab, certificate_id):
    """An administrator who also holds ROLE_SEC_OPS, given by themselves, is still one person."""
    grants = (Held(Role.ADMIN), Held(Role.SEC_OPS))
    me = Context(Principal("p-one", "person", grants), "c-1", reason="because")
    outcome = await lab.backend.bus.execute(RequestReveal(certificate_id=certificate_id), me)
    reveal_id = outcome.id_of("reveal")
    seen = lab.backend.services.ledger.stream(reveal_id)[0]
    with pytest.raises(Denied, match="own request") as refused:
        await lab.backend.bus.execute(_approval(reveal_id, seen.state), me)

    assert refused.value.rule == "four-eyes"


async def test_who_acts_for_the_owner_is_no_second_person(lab, certificate_id):
    """Somebody of SEC_OPS who is DevOps of the owning team, too, would be judge in their own cause."""
    olga, _ = held.ways(lab, "sec-olga")
    reveal_id = await held.ask(lab, olga, certificate_id)
    state = lab.backend.services.ledger.stream(reveal_id)[0].state
    delegate = Principal("p-both", "person", (Held(Role.SEC_OPS), Held(Role.DEVOPS, lab.team())))
    with pytest.raises(Denied, match="owner"):
        await lab.backend.bus.execute(_approval(reveal_id, state), Context(delegate, "c-2"))


async def test_an_approval_names_what_was_read(lab, certificate_id):
    """A hash of anything else approves nothing."""
    olga, _ = held.ways(lab, "sec-olga")
    reveal_id = await held.ask(lab, olga, certificate_id)
    async with lab.client("sec-omar") as omar:
        path = f"/api/v1/reveals/{reveal_id}/approve"
        refused = await omar.post(path, json={"request_sha256": "0" * 64}, headers=lab.key())

    assert (409, "approval-binding") == told(refused)


async def test_a_key_that_moved_after_the_approval_is_not_revealed(lab, certificate_id):
    """What was approved was another team's key: the owner is bound by the approval."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    _move(lab, reveal_id, lab.team("pay"))
    refused = await held.redeem(lab, olga, reveal_id)

    assert (409, "approval-binding") == told(refused)


async def test_the_former_owner_does_not_see_the_key_any_more(lab, certificate_id):
    """After the ownership moved, the key is not in the former team's list, and answers as if it were not there."""
    async with lab.client("dev-anna") as anna, lab.client("dev-ben") as ben:
        (row,) = (await anna.get("/api/v1/keys", params={"certificate": certificate_id})).json()["items"]
        _move_key(lab, row["key_id"], lab.team("pay"))
        await lab.backend.views.wait_for(lab.position())
        path = f"/api/v1/keys/{row['key_id']}"

        assert [404, 200] == [(await client.get(path)).status_code for client in (anna, ben)]


async def test_another_member_of_sec_ops_redeems_nothing(lab, certificate_id):
    """An approval is for the requester; who approved it cannot use it either, step-up or not."""
    reveal_id, _, _ = await held.redeemable(lab, certificate_id)
    omar, token = held.ways(lab, "sec-omar")
    held.step_up(lab, token, "sec-omar", reveal_id)
    refused = await held.redeem(lab, omar, reveal_id)

    assert (403, "reveal-person") == told(refused)


async def test_a_step_up_for_one_reveal_opens_no_other(lab, certificate_id):
    """It is bound to the one act; the other approval stays unused."""
    olga, token = held.ways(lab, "sec-olga")
    first, second = [await held.ask(lab, olga, certificate_id) for _ in range(2)]
    for one in (first, second):
        assert (await held.approve(lab, one)).is_success
    held.step_up(lab, token, "sec-olga", first)
    refused = await held.redeem(lab, olga, second)

    assert (401, "insufficient-user-authentication") == told(refused)


async def test_a_step_up_older_than_five_minutes_is_none(lab, certificate_id):
    """Freshness is counted from the authentication."""
    reveal_id, olga, token = await held.redeemable(lab, certificate_id)
    held.step_up(lab, token, "sec-olga", reveal_id, age=200)
    lab.clock.forward(101)
    refused = await held.redeem(lab, olga, reveal_id)

    assert (401, "insufficient-user-authentication") == told(refused)


async def test_no_machine_ever_redeems(lab, certificate_id):
    """Even a machine principal with a role that no machine can be granted, and a step-up that it cannot make."""
    reveal_id, _, _ = await held.redeemable(lab, certificate_id)
    machine = Principal("p-machine", "machine", (Held(Role.SEC_OPS),))
    with pytest.raises(Denied) as refused:
        await lab.backend.bus.execute(RedeemReveal(reveal_id=reveal_id), Context(machine, "c-3"))

    assert refused.value.rule == "machine-reveal"


async def test_a_session_that_the_provider_ended_reveals_nothing(lab, certificate_id):
    """The provider is asked before every reveal."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    lab.rechecks.stands = False
    try:
        refused = await held.redeem(lab, olga, reveal_id)
    finally:
        lab.rechecks.stands = True

    assert (401, "session-ended") == told(refused)


async def test_a_crash_after_the_authorisation_counts_as_seen(lab, certificate_id, monkeypatch):
    """The process dies while it packs: the key is seen, the revocation planned, and the reveal cannot be used again."""
    reveal_id, olga, token = await held.redeemable(lab, certificate_id)

    async def dies(*_: object, **__: object) -> None:
        raise ConnectionResetError("the power went")

    monkeypatch.setattr(type(lab.edge.keys.custody), "pack", dies)
    crashed = await held.redeem(lab, olga, reveal_id)
    monkeypatch.undo()
    held.step_up(lab, token, "sec-olga", reveal_id)
    again = await held.redeem(lab, olga, reveal_id)
    await lab.backend.views.wait_for(lab.position())
    (row,) = (await olga.get("/api/v1/keys", params={"certificate": certificate_id})).json()["items"]

    assert crashed.status_code == 500
    assert (409, "reveal-used") == told(again)
    assert row["seen"] is True


async def test_the_planned_revocation_is_not_called_off(lab, certificate_id):
    """Neither the owner's team nor SEC_OPS keeps a certificate alive whose key a person has seen."""
    reveal_id, olga, _ = await held.redeemable(lab, certificate_id)
    await held.redeem(lab, olga, reveal_id)
    async with lab.client("dev-anna") as anna:
        path = f"/api/v1/certificates/{certificate_id}/call-off-revocation"
        refused = await anna.post(path, json={"reason": "we still need it"}, headers=lab.key())

    assert (409, "key-seen") == told(refused)


async def test_a_reason_of_blanks_is_none(lab, certificate_id):
    """A reveal without a reason is not asked for."""
    olga, _ = held.ways(lab, "sec-olga")
    path = f"/api/v1/certificates/{certificate_id}/reveals"
    refused = [await olga.post(path, json=body, headers=lab.key()) for body in ({"reason": "  "}, {"reason": ""}, {})]

    assert [422] * 3 == [answer.status_code for answer in refused]


async def test_a_key_that_lives_elsewhere_is_not_revealed(lab):
    """Whoever brought a CSR has the key; nobody is given it from here."""
    async with lab.client("dev-anna") as anna:
        issued = (await anna.post("/api/v1/orders", json=lab.order(), headers=lab.key())).json()
    olga, _ = held.ways(lab, "sec-olga")
    path = f"/api/v1/certificates/{issued['certificate_id']}/reveals"
    refused = await olga.post(path, json=held.WHY, headers=lab.key())

    assert (409, "key-not-held") == told(refused)


def _approval(reveal_id: str, state: bytes) -> ApproveReveal:
    return ApproveReveal(reveal_id=reveal_id, request_sha256=sha256(state).hexdigest())


def _move(lab, reveal_id: str, team_id: str) -> None:
    _move_key(lab, _work(lab).load(Reveal, reveal_id).key_id, team_id)


def _move_key(lab, key_id: str, team_id: str) -> None:
    """Let the key's ownership move, as a transfer does."""
    work = _work(lab)
    key = work.load(Key, key_id)
    key.move(team_id=team_id, at=work.now)
    lab.backend.ledger.append_blocking(draft_of(key))


def _work(lab) -> Work:
    return Work(lab.backend.services, Context(SYSTEM, "c-history"))

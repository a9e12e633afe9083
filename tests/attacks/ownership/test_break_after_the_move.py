"""What happens to a certificate after it has moved is none of the former owner's business, wherever it is told.

Harm prevented: a team that follows another team's certificate by the lists, notices and activity it once stood in.
"""

from __future__ import annotations

import pytest

from commands.certificates.keep_renewed import AdvanceRenewal
from commands.context import SYSTEM, Context
from tests.support import held

LISTS = (
    "certificates", "keys", "reveals", "renewals", "deployments", "transfers", "policy/breaches", "policy/preview",
    "notices",
)  # fmt: skip


async def moved(lab, anna, ben) -> str:
    """Return a certificate of team shop, with a reveal that was asked for, that team pay has taken over."""
    await held.appliance(lab)
    certificate_id = await held.certificate(lab)
    olga, _ = held.ways(lab, "sec-olga")
    await held.ask(lab, olga, certificate_id)
    path = f"/api/v1/certificates/{certificate_id}/transfer"
    for client, what, body in ((anna, "offer", {"team": "pay"}), (ben, "accept", {})):
        (await client.post(f"{path}/{what}", json=body, headers=lab.key())).raise_for_status()
    await lab.backend.views.wait_for(lab.position())
    return certificate_id


async def test_nothing_new_of_it_is_told_to_the_former_owner(lab, anna, ben):
    """Its escalation, reveal and revocation come after the move: the lists and the activity are silent."""
    certificate_id = await moved(lab, anna, ben)
    after = lab.position()
    olga, _ = held.ways(lab, "sec-olga")
    reveal_id = await held.ask(lab, olga, certificate_id)
    lab.clock.forward(29 * 86_400 + 80_000)
    command = AdvanceRenewal(certificate_id=certificate_id)
    await lab.backend.bus.execute(command, Context(SYSTEM, "late"))
    async with lab.client("dev-ben") as owner, lab.client("dev-anna") as former:
        path = f"/api/v1/certificates/{certificate_id}/revoke"
        (await owner.post(path, json={}, headers=lab.key())).raise_for_status()
        await lab.backend.views.wait_for(lab.position())
        told = {}
        for name in (*LISTS, f"activity?after={after}"):
            answer = await former.get(f"/api/v1/{name}")
            assert answer.status_code == 200, (name, answer.text)
            told[name] = answer.text
        mine = (await owner.get("/api/v1/reveals")).json()["items"]

    assert [certificate_id] * 2 == [row["certificate_id"] for row in mine]
    assert [] == [name for name, text in told.items() if reveal_id in text or certificate_id in text], told


@pytest.mark.parametrize("what", ["", "/history", "/accesses", "/renewal"])
async def test_no_page_of_it_answers_the_former_owner(lab, anna, ben, what):
    """404, as of a certificate that never was."""
    certificate_id = await moved(lab, anna, ben)
    answer = await anna.get(f"/api/v1/certificates/{certificate_id}{what}")

    assert answer.status_code in {403, 404}

"""Removals over HTTP: the task an agent gets, what it may report, and what others may not."""

from __future__ import annotations

import pytest

from tests.support.agent_edge import DIRECTORY, ENDPOINT, SHOWN, evidence

SPEC = {"directory": DIRECTORY, "endpoints": [ENDPOINT], "disabler": "www-off"}


async def deployed(lab, agent):
    """Return the fingerprint and id of a certificate that the agent has proven to serve, and its deployment's id."""
    targets = [{"host_id": agent.host_id, "spec": SPEC}]
    install = await lab.installing(agent, targets=targets)
    told = install["parameters"]
    seen = evidence(told["fingerprint"], SHOWN)
    (await lab.report(agent, install["task_id"], outcome="served", evidence=seen)).raise_for_status()
    return told


async def revoke(lab, certificate_id, **body):
    """Revoke a certificate as its team; returns the answer's JSON once the read models have it."""
    await lab.lab.backend.views.wait_for(lab.lab.position())
    async with lab.lab.client("dev-anna") as anna:
        path = f"/api/v1/certificates/{certificate_id}/revoke"
        answer = (await anna.post(path, json=body, headers=lab.lab.key())).raise_for_status()
    await lab.lab.backend.views.wait_for(lab.lab.position())
    return answer.json()


async def state_of(lab, deployment_id):
    """Return a deployment as its team sees it."""
    await lab.lab.backend.views.wait_for(lab.lab.position())
    async with lab.lab.client("dev-anna") as anna:
        return (await anna.get(f"/api/v1/deployments/{deployment_id}")).raise_for_status().json()


async def test_from_revocation_to_proof(lab):
    """The answer says what is asked of the host, the queue holds it once, and the proof ends it."""
    agent = await lab.agent("gone1.shop.test")
    told = await deployed(lab, agent)
    answer = await revoke(lab, told["certificate_id"])
    (task,) = await lab.tasks(agent)
    parameters = task["parameters"]

    assert [(place["deployment_id"], place["state"]) for place in answer["places"]] == [
        (told["deployment_id"], "removing")
    ]
    assert (task["kind"], parameters["disabler"]) == ("remove", "www-off")
    assert parameters["fingerprint"] == told["fingerprint"]
    assert {"disabler", "windows"}.isdisjoint(parameters["target"])

    other = evidence("0" * 64, SHOWN)
    assert (await lab.report(agent, task["task_id"], outcome="removed", evidence=other)).status_code == 200
    assert (await state_of(lab, told["deployment_id"]))["state"] == "removed"
    assert await lab.tasks(agent) == []


@pytest.mark.parametrize(
    "report",
    [
        {"outcome": "served"},
        {"outcome": "done"},
        {"outcome": "removed", "evidence": "own"},
        {"outcome": "removed", "evidence": [{"endpoint": "x", "sha256": "no", "tls": "", "hits": 0}]},
    ],
)
async def test_a_removal_ends_in_no_other_way(lab, report):
    """Another kind's success, evidence that it is served on, evidence that is none: refused, and the task stays."""
    agent = await lab.agent(f"gone-{len(str(report))}-{report['outcome']}.shop.test")
    told = await deployed(lab, agent)
    await revoke(lab, told["certificate_id"])
    (task,) = await lab.tasks(agent)
    seen = {"evidence": evidence(told["fingerprint"], SHOWN)} if report.get("evidence") == "own" else {}
    answer = await lab.report(agent, task["task_id"], **report | seen)

    assert answer.status_code == 422, answer.text
    assert (await state_of(lab, told["deployment_id"]))["state"] == "removing"


async def test_another_agent_reports_nothing(lab):
    """A task of another host is not there, whoever asks with it."""
    agent, thief = await lab.agent("gone2.shop.test"), await lab.agent("gone3.shop.test")
    told = await deployed(lab, agent)
    await revoke(lab, told["certificate_id"])
    (task,) = await lab.tasks(agent)
    answer = await lab.report(thief, task["task_id"], outcome="removed")

    assert answer.status_code == 409
    assert (await state_of(lab, told["deployment_id"]))["state"] == "removing"


async def test_a_refusal_is_shown_and_asked_again(lab):
    """The host's words stand in the deployment as text; asked again, it is a task of its own."""
    agent = await lab.agent("gone4.shop.test")
    told = await deployed(lab, agent)
    await revoke(lab, told["certificate_id"])
    (task,) = await lab.tasks(agent)
    why = "agent.properties of this host defines no disabler.www-off"
    await lab.report(agent, task["task_id"], outcome="failed", stage="refused", detail=why)
    row = await state_of(lab, told["deployment_id"])
    assert (row["state"], row["stage"], row["detail"]) == ("removal-refused", "refused", why)

    async with lab.lab.client("dev-anna") as anna:
        path = f"/api/v1/deployments/{told['deployment_id']}/remove"
        (await anna.post(path, json={}, headers=lab.lab.key())).raise_for_status()
    await lab.lab.backend.views.wait_for(lab.lab.position())
    (again,) = await lab.tasks(agent)
    assert again["task_id"] != task["task_id"]


async def test_an_installation_of_a_revoked_certificate_is_withdrawn(lab):
    """Its task is gone from the queue; what an agent that was at it reports as served is a fact, and removed again."""
    agent = await lab.agent("gone5.shop.test")
    install = await lab.installing(agent, targets=[{"host_id": agent.host_id, "spec": SPEC}])
    told = install["parameters"]
    answer = await revoke(lab, told["certificate_id"])
    assert [place["state"] for place in answer["places"]] == ["withdrawn"]
    assert await lab.tasks(agent) == []

    failed = await lab.report(agent, install["task_id"], outcome="failed", stage="check", detail="no")
    assert failed.status_code == 409
    seen = evidence(told["fingerprint"], SHOWN)
    assert (await lab.report(agent, install["task_id"], outcome="served", evidence=seen)).status_code == 200
    assert (await state_of(lab, told["deployment_id"]))["state"] == "removing"
    assert [install["task_id"]] != [task["task_id"] for task in await lab.tasks(agent)] != []


async def test_replaced_first_is_shown_and_called_off(lab):
    """The answer names order and deadline, the certificate shows them until it is called off, a compromise is not."""
    agent = await lab.agent("gone6.shop.test")
    told = await deployed(lab, agent)
    answer = await revoke(lab, told["certificate_id"], replace="first", revocation_reason="superseded", within=7_200)
    path = f"/api/v1/certificates/{told['certificate_id']}"
    async with lab.lab.client("dev-anna") as anna:
        planned = (await anna.get(path)).json()
        off = await anna.post(f"{path}/call-off-revocation", json={}, headers=lab.lab.key())
        await lab.lab.backend.views.wait_for(lab.lab.position())
        after = (await anna.get(path)).json()
    assert (answer["state"], answer["waits_for_people"], answer["places"]) == ("planned", False, [])
    assert (planned["state"], planned["revocation_order_id"]) == ("issued", answer["order_id"])
    assert planned["revoke_at_latest"] == answer["at_latest"]
    assert (off.status_code, after["revoke_at_latest"]) == (200, None)

    await revoke(lab, told["certificate_id"], replace="first", revocation_reason="keyCompromise")
    async with lab.lab.client("dev-anna") as anna:
        off = await anna.post(f"{path}/call-off-revocation", json={}, headers=lab.lab.key())
    assert (off.status_code, off.json()["rule"]) == (409, "key-compromised")

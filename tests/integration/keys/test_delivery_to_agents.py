"""A key of the key store on its way to an agent: two calls, each on record or once, and the copy's end afterwards."""

from __future__ import annotations

import asyncio
import base64

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12

from commands.ports.keys import HELD
from tests.support import held
from tests.support.agent_edge import SHOWN, AgentLab


@pytest.fixture
def agents(lab):
    """Return the agents' side of the lab."""
    return AgentLab(lab)


async def installing(agents: AgentLab, host: str, profile: str = "boxes", **spec: object):
    """Return an agent and its install task for a server-made key."""
    await held.appliance(agents.lab, profile, **spec)
    agent = await agents.agent(host)
    await agents.order(agent.host_id, profile_id=agents.lab.profile(profile), server_key=True)
    assert await agents.tasks(agent) == []
    assert await held.make_keys(agents.lab) == 1
    (task,) = await agents.tasks(agent)
    return agent, task


async def fetch(agents: AgentLab, agent, task_id: str, what: str = "key"):
    """Make one of the two calls."""
    async with agents.client(agent.der) as client:
        return await client.post(f"/agent/v1/tasks/{task_id}/{what}")


def held_ids(lab) -> set[str]:
    """Return what the key store holds for others."""
    return {key_id for key_id in lab.backend.keystore.key_ids() if key_id.startswith(HELD)}


async def test_the_agent_gets_key_and_password_by_two_calls(lab, agents):
    """No make-key task, no key in the install task; the file opens with the other call's password only."""
    agent, task = await installing(agents, "box1.shop.test")
    before = lab.position()
    file = (await fetch(agents, agent, task["task_id"])).raise_for_status().json()
    password = (await fetch(agents, agent, task["task_id"], "key-password")).raise_for_status().json()["password"]
    content = load_pkcs12(base64.b64decode(file["pkcs12"]), password.encode())

    leaf = x509.load_pem_x509_certificate(task["parameters"]["chain"][0].encode())
    assert task["kind"] == "install"
    assert task["parameters"]["key_from"] == "server"
    assert content.key.public_key() == leaf.public_key()
    assert set(file) == {"pkcs12"}
    assert ["sslclm.key.delivery-authorised.v1"] == lab.topics(before)


async def test_a_password_is_told_once_to_its_holder(lab, agents):
    """A hundred calls at once get it once; another host's agent gets nothing, and does not use it up."""
    agent, task = await installing(agents, "box2.shop.test")
    stranger = await agents.agent("box3.shop.test")
    await fetch(agents, agent, task["task_id"])
    assert (await fetch(agents, stranger, task["task_id"], "key-password")).status_code == 409
    answers = await asyncio.gather(*(fetch(agents, agent, task["task_id"], "key-password") for _ in range(100)))

    assert [200] + [409] * 99 == sorted(answer.status_code for answer in answers)


async def test_a_password_does_not_wait_for_long(lab, agents):
    """After two minutes the key is to be fetched again."""
    agent, task = await installing(agents, "box4.shop.test")
    await fetch(agents, agent, task["task_id"])
    lab.clock.forward(121)
    late = await fetch(agents, agent, task["task_id"], "key-password")

    assert (409, "key-password-gone") == (late.status_code, late.json()["rule"])


async def test_a_key_leaves_five_times_for_one_task(lab, agents):
    """A hundred calls at once are five deliveries on record, never more files than that."""
    agent, task = await installing(agents, "box5.shop.test")
    before = lab.position()
    answers = await asyncio.gather(*(fetch(agents, agent, task["task_id"]) for _ in range(100)))
    given = [answer for answer in answers if answer.status_code == 200]

    assert 1 <= len(given) <= 5
    assert len(given) == lab.topics(before).count("sslclm.key.delivery-authorised.v1")


async def test_another_agent_gets_no_key(lab, agents):
    """A task of another host answers as one that is not there, and nothing is recorded as delivered."""
    _, task = await installing(agents, "box6.shop.test")
    stranger = await agents.agent("box7.shop.test")
    before = lab.position()
    refused = await fetch(agents, stranger, task["task_id"])

    assert (409, "task-gone") == (refused.status_code, refused.json()["rule"])
    assert "sslclm.key.delivery-authorised.v1" not in lab.topics(before)


async def served(agents: AgentLab, agent, task) -> None:
    """Let the agent prove its installation."""
    evidence = [{"endpoint": SHOWN, "sha256": task["parameters"]["fingerprint"], "tls": "TLSv1.3", "hits": 3}]
    answer = await agents.report(agent, task["task_id"], outcome="served", evidence=evidence)
    assert answer.is_success, answer.text


async def test_the_copy_is_destroyed_once_installed(lab, agents):
    """Event first, then the shredding; the agent that asks again is told where the key is."""
    agent, task = await installing(agents, "box8.shop.test")
    before, at = held_ids(lab), lab.position()
    await served(agents, agent, task)
    assert await held.give_up(lab) == 1

    assert len(before) - 1 == len(held_ids(lab))
    assert "sslclm.key.copy-destroyed.v1" in lab.topics(at)
    late = await fetch(agents, agent, task["task_id"])
    assert late.status_code == 409


async def test_a_crash_between_event_and_shredding_is_made_good(lab, agents):
    """A copy that the ledger calls destroyed is shredded by the next sweep, whatever the last one came to."""
    agent, task = await installing(agents, "box9.shop.test")
    await served(agents, agent, task)
    destroy, lab.backend.keystore.destroy = lab.backend.keystore.destroy, lambda _: None
    await held.give_up(lab)  # the process "dies" before it shreds
    lab.backend.keystore.destroy = destroy
    ends = lab.position()

    assert await held.give_up(lab) == 1
    assert ends == lab.position()


async def test_a_key_without_an_event_is_swept(lab):
    """A crash after the key was stored and before its event: it is shredded, but not at once, and nothing else is."""
    await lab.backend.custody().make(f"{HELD}orphan", "EC-P256")
    others = {key_id for key_id in lab.backend.keystore.key_ids() if not key_id.startswith(HELD)}
    sweep = held.sweep(lab)

    assert [0, 0, 1] == [await sweep.round(now) for now in (0.0, 599.0, 600.0)]
    assert f"{HELD}orphan" not in set(lab.backend.keystore.key_ids())
    assert others <= set(lab.backend.keystore.key_ids())

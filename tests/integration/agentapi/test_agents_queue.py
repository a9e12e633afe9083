"""An agent's life over HTTP: enrol, take a task, bring a key, install, report, renew."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.support.agent_edge import SHOWN, csr_of, decoded, der_of, evidence, new_key


async def test_an_enrolled_agent_is_told_all_that_it_needs(lab):
    """The answer holds a certificate for the agent's own key and host, the root, the queue's URL and the task keys."""
    agent = await lab.agent("web1.shop.test")
    certificate = x509.load_der_x509_certificate(agent.der)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert agent.key.public_key() == certificate.public_key()
    assert [f"urn:sslclm:host:{agent.host_id}"] == names.get_values_for_type(x509.UniformResourceIdentifier)
    assert lab.lab.edge.agent_url == agent.enrolled["agent_url"]
    assert lab.lab.edge.root_pem.decode() == agent.enrolled["server_ca"]
    assert [dict(key) for key in lab.lab.edge.tasks.signer.public_keys()] == agent.enrolled["task_keys"]


async def test_from_order_to_proof(lab):
    """The queue holds a key task, then an install task; its evidence fulfils the order and empties the queue."""
    agent = await lab.agent("web2.shop.test")
    install = await lab.installing(agent)
    told = install["parameters"]
    leaf, *above = told["chain"]
    accepted = await lab.report(
        agent, install["task_id"], outcome="served", evidence=evidence(told["fingerprint"], SHOWN)
    )
    await lab.lab.backend.views.wait_for(lab.lab.position())

    assert hashlib.sha256(der_of(leaf)).hexdigest() == told["fingerprint"]
    assert len(above) == 1
    assert lab.lab.edge.root_pem.decode() == told["root"]
    assert accepted.status_code == 200
    assert accepted.json()["position"] == int(accepted.headers["ledger-position"]) == lab.lab.position()
    assert [] == await lab.tasks(agent)
    assert "sslclm.order.fulfilled.v1" in lab.lab.topics(accepted.json()["position"] - 3)


async def test_a_task_is_signed_for_its_host_and_a_short_time(lab):
    """Every task is a JWS by the key that enrolment delivered, over host, id, kind, parameters and expiry."""
    agent = await lab.agent("web3.shop.test")
    await lab.order(agent.host_id)
    async with lab.client(agent.der) as client:
        task = (await client.get("/agent/v1/tasks")).json()["tasks"][0]
    head, body, signature = (decoded(part) for part in task["jws"].split("."))
    known = Ed25519PublicKey.from_public_bytes(decoded(agent.enrolled["task_keys"][0]["x"]))
    known.verify(signature, task["jws"].rpartition(".")[0].encode())
    told = json.loads(body)

    assert json.loads(head)["typ"] == "sslclm-task+jws"
    assert (agent.host_id, "make-key", 900) == (told["host"], told["kind"], told["exp"] - told["iat"])
    assert {"order_id", "generation", "key_algorithm", "dns_names", "ip_addresses", "common_name"} == set(
        told["parameters"]
    )


async def test_a_key_that_breaks_a_rule_is_refused_and_the_next_one_asked_for(lab):
    """The answer names the rule, and the queue asks for generation 2."""
    agent = await lab.agent("web4.shop.test")
    await lab.order(agent.host_id)
    task = (await lab.tasks(agent))[0]
    answer = await lab.report(agent, task["task_id"], outcome="done", csr=csr_of(new_key(), "www.pay.test"))
    await lab.lab.backend.views.wait_for(lab.lab.position())
    following = (await lab.tasks(agent))[0]

    assert (200, True) == (answer.status_code, bool(answer.json()["refused"]))
    assert (2, True) == (following["parameters"]["generation"], following["task_id"] != task["task_id"])


async def test_a_renewed_identity_works_beside_the_former_one(lab):
    """A new key gets a new certificate; the former one works until it is used, should the answer get lost."""
    agent, key = await lab.agent("web5.shop.test"), new_key()
    async with lab.client(agent.der) as client:
        renewed = (await client.post("/agent/v1/identity", json={"csr": csr_of(key)})).raise_for_status().json()
    fresh = der_of(renewed["certificate_chain"][0])
    async with lab.client(fresh) as new, lab.client(agent.der) as old:
        answers = [(await one.get("/agent/v1/tasks")).status_code for one in (old, new, old)]

    assert key.public_key() == x509.load_der_x509_certificate(fresh).public_key()
    assert [200, 200, 401] == answers


async def test_an_agent_whose_renewals_got_lost_is_still_known(lab):
    """Two renewals whose answers never arrived leave the agent with its first key, and that key is still good."""
    agent = await lab.agent("lossy.shop.test")
    async with lab.client(agent.der) as client:
        for _ in range(2):
            (await client.post("/agent/v1/identity", json={"csr": csr_of(new_key())})).raise_for_status()

        assert 200 == (await client.get("/agent/v1/tasks")).status_code


async def test_a_former_key_ends_with_the_use_of_the_new_one(lab):
    """Once the agent has spoken with its new key, whoever stole the former one is nobody."""
    agent, key = await lab.agent("renewed.shop.test"), new_key()
    async with lab.client(agent.der) as old:
        renewed = (await old.post("/agent/v1/identity", json={"csr": csr_of(key)})).json()
        async with lab.client(der_of(renewed["certificate_chain"][0])) as new:
            (await new.get("/agent/v1/tasks")).raise_for_status()

        assert 401 == (await old.get("/agent/v1/tasks")).status_code


async def test_only_a_change_of_safe_mode_is_recorded(lab):
    """Ten heartbeats leave two events: safe mode entered and left."""
    agent = await lab.agent("web6.shop.test")
    before = lab.lab.position()
    async with lab.client(agent.der) as client:
        for state in ("ok", "safe-mode", "safe-mode", "safe-mode", "ok", "ok", "ok", "ok", "ok", "ok"):
            answer = await client.post("/agent/v1/heartbeat", json={"agent_version": "1.0", "state": state})
            assert answer.json() == {"state": state}

    assert ["sslclm.host.safe-mode-entered.v1", "sslclm.host.safe-mode-left.v1"] == lab.lab.topics(before)


async def test_a_waiting_agent_is_woken_by_its_task(lab, monkeypatch):
    """A long-poll asks the read model once, then again only after the event, and answers long before its time."""
    agent = await lab.agent("web7.shop.test")
    looks = Looks(lab, monkeypatch, agent.host_id)
    waiting = asyncio.create_task(lab.tasks(agent, wait=30))
    await looks.begun()
    start = time.monotonic()
    await lab.order(agent.host_id)
    async with asyncio.timeout(10):
        tasks = await waiting

    assert ["make-key"] == [task["kind"] for task in tasks]
    assert time.monotonic() - start < 5
    assert looks.count == 2


async def test_a_waiting_agent_of_another_host_is_not_woken(lab, monkeypatch):
    """A task for somebody else leaves a long-poll asleep: it looks at its start and at its end only."""
    asleep, busy = await lab.agent("web8.shop.test"), await lab.agent("web9.shop.test")
    looks = Looks(lab, monkeypatch, asleep.host_id)
    waiting = asyncio.create_task(lab.tasks(asleep, wait=1))
    await looks.begun()
    await lab.order(busy.host_id)

    assert [] == await waiting
    assert looks.count == 2


async def test_draining_ends_a_waiting_call(lab, monkeypatch):
    """When the server is about to stop, a long-poll answers at once with what there is: nothing."""
    agent, draining = await lab.agent("web10.shop.test"), asyncio.Event()
    looks = Looks(lab, monkeypatch, agent.host_id)
    async with lab.client(agent.der, draining=draining) as client, asyncio.timeout(10):
        waiting = asyncio.create_task(client.get("/agent/v1/tasks", params={"wait": 30}))
        await looks.begun()
        draining.set()
        answer = await waiting

    assert (200, {"tasks": []}) == (answer.status_code, answer.json())


class Looks:
    """Counts how often the queue of a host is asked for."""

    def __init__(self, lab, monkeypatch, host_id):
        self.count, self._begun = 0, asyncio.Event()
        views = type(lab.lab.edge.views)
        true = views.find

        def find(views, model, where, **options):
            if getattr(where, "host_id", None) == host_id:
                self.count += 1
                self._begun.set()
            return true(views, model, where, **options)

        monkeypatch.setattr(views, "find", find)

    async def begun(self):
        """Wait for the first time."""
        async with asyncio.timeout(10):
            await self._begun.wait()


async def test_an_agents_call_has_one_correlation_id(lab):
    """What an answer to an agent is known by is what the ledger's entry is known by, as for everybody else."""
    agent = await lab.agent("web-one-id.shop.test")
    async with lab.client(agent.der) as client:
        answer = await client.post("/agent/v1/heartbeat", json={"agent_version": "1", "state": "safe-mode"})
    entry = lab.lab.edge.ledger.entries(lab.lab.position(), limit=1)[0]

    assert answer.status_code == 200
    assert answer.headers["x-correlation-id"] == json.loads(entry.metadata)["correlation_id"]

"""Agents that speak for others, after their time, or report what is not so: refused, and nothing changed."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest

from domain.access.refusal import Refusal
from tests.support.agent_edge import SHOWN, csr_of, evidence, forged, new_key


@pytest.fixture
def unchanged(lab):
    """Yield a check that since then nothing but refusals was recorded."""
    marks = []

    def check():
        if not marks:
            marks.append(lab.lab.position())
        return set(lab.lab.topics(marks[0])) <= {Refusal.Refused.TOPIC}

    return check


async def _asks(lab, der):
    """Try every endpoint with a certificate; return the statuses and rules that came back."""
    async with lab.client(der) as client:
        answers = [
            await client.get("/agent/v1/tasks"),
            await client.post("/agent/v1/tasks/task-1/result", json={"outcome": "done", "csr": "x"}),
            await client.post("/agent/v1/identity", json={"csr": csr_of(new_key())}),
            await client.post("/agent/v1/heartbeat", json={"agent_version": "1", "state": "safe-mode"}),
        ]
    return {(answer.status_code, answer.headers["content-type"], answer.json()["rule"]) for answer in answers}


NOBODY = {(401, "application/problem+json", "agent-certificate")}


async def test_a_connection_without_a_certificate_is_nobody(lab):
    """Should a listener ever let one through, it speaks for no host."""
    assert NOBODY == await _asks(lab, None)


async def test_a_key_that_the_host_does_not_know_is_nobody(lab, unchanged):
    """A certificate of a valid chain that names the host is not enough: the key must be the host's."""
    agent, until = await lab.agent("known.shop.test"), lab.lab.clock() + timedelta(days=1)
    assert unchanged()

    assert NOBODY == await _asks(lab, forged(new_key(), f"urn:sslclm:host:{agent.host_id}", until=until))
    assert unchanged()


async def test_a_name_of_another_host_is_nobody(lab, unchanged):
    """A's key under B's name, under both names, under a foreign kind of name or none speaks for neither."""
    mine, other = await lab.agent("mine.shop.test"), await lab.agent("other.shop.test")
    until = lab.lab.clock() + timedelta(days=1)
    own, theirs = (f"urn:sslclm:host:{one.host_id}" for one in (mine, other))
    assert unchanged()
    for names in ((theirs,), (own, theirs), (), ("urn:sslclm:host:",), ("https://" + mine.host_id,), (own + "\0x",)):
        assert NOBODY == await _asks(lab, forged(mine.key, *names, until=until)), names
    assert unchanged()


async def test_names_of_other_kinds_of_objects_are_nobody(lab):
    """A certificate that names a team, an order or nonsense as its host is refused, never a 500."""
    until = lab.lab.clock() + timedelta(days=1)
    for name in (lab.lab.team(), lab.lab.profile(), "host-", "host-" + "a" * 5_000, "-", "*"):
        assert NOBODY == await _asks(lab, forged(new_key(), f"urn:sslclm:host:{name}", until=until)), name


@pytest.mark.parametrize("der", [b"", b"0", b"\x30\x80", bytes(1_000)], ids=["empty", "a digit", "cut off", "zeros"])
async def test_what_is_no_certificate_is_nobody(lab, der):
    """Bytes that a load balancer forwards as a certificate and that are none: refused, never a 500."""
    assert NOBODY == await _asks(lab, der)


async def test_a_certificate_that_expires_on_an_open_connection_is_refused(lab):
    """The connection stays, the time passes, the next request is refused."""
    agent = await lab.agent("old.shop.test")
    certificate = forged(agent.key, f"urn:sslclm:host:{agent.host_id}", until=lab.lab.clock() + timedelta(minutes=1))
    async with lab.client(certificate) as client:
        before = await client.get("/agent/v1/tasks")
        lab.lab.clock.forward(61)
        after = await client.get("/agent/v1/tasks")

    assert [200, 401] == [before.status_code, after.status_code]


async def test_a_disabled_host_is_refused_on_its_open_connection(lab):
    """The very next request after the host was disabled is refused, and its queue is gone."""
    agent = await lab.agent("lost.shop.test")
    await lab.order(agent.host_id)
    async with lab.client(agent.der) as client, lab.lab.client("adam") as adam:
        assert 1 == len((await client.get("/agent/v1/tasks")).json()["tasks"])
        where = f"/api/v1/hosts/{agent.host_id}/disable"
        (await adam.post(where, json={}, headers=lab.lab.key())).raise_for_status()
        assert 401 == (await client.get("/agent/v1/tasks")).status_code

    assert NOBODY == await _asks(lab, agent.der)


async def test_tasks_of_another_host_are_neither_shown_nor_reported(lab, unchanged):
    """A sees nothing of B's queue; B's task is to A what no task is, by status and words."""
    mine, other = await lab.agent("a.shop.test"), await lab.agent("b.shop.test")
    await lab.order(other.host_id)
    task = (await lab.tasks(other))[0]["task_id"]
    assert [] == await lab.tasks(mine)
    assert unchanged()
    theirs = await lab.report(mine, task, outcome="done", csr=csr_of(new_key(), "www.shop.test"))
    nobodys = await lab.report(mine, "task-nonsense", outcome="failed", stage="write")

    assert (409, "task-gone") == (theirs.status_code, theirs.json()["rule"])
    assert theirs.json()["detail"] == nobodys.json()["detail"]
    assert unchanged()
    assert task == (await lab.tasks(other))[0]["task_id"]


async def test_a_result_counts_once(lab):
    """The second report of a task is refused and changes nothing."""
    agent = await lab.agent("twice.shop.test")
    await lab.order(agent.host_id)
    task = (await lab.tasks(agent))[0]["task_id"]
    csr = csr_of(new_key(), "www.shop.test")
    first = await lab.report(agent, task, outcome="done", csr=csr)
    before = lab.lab.position()
    second = await lab.report(agent, task, outcome="done", csr=csr)

    assert (200, 409, "task-gone") == (first.status_code, second.status_code, second.json()["rule"])
    assert before == lab.lab.position()


WRONG_EVIDENCE = {
    "none": lambda _: [],
    "of another certificate": lambda _: evidence(hashlib.sha256(b"another").hexdigest(), SHOWN),
    "of another endpoint": lambda fingerprint: evidence(fingerprint, "127.0.0.1:9443/www.shop.test"),
    "of this and of another": lambda one: evidence(one, SHOWN) + evidence("0" * 64, "127.0.0.1:9443/www.shop.test"),
    "of both at once": lambda one: evidence(one, SHOWN) + evidence("0" * 64, SHOWN),
    "giant": lambda one: evidence(one, *[SHOWN] * 65),
    "a giant endpoint": lambda one: evidence(one, "x" * 601),
    "upper case": lambda one: evidence(one.upper(), SHOWN),
    "a wrong type": lambda one: {"endpoint": one},
    "unknown members": lambda one: [{**evidence(one, SHOWN)[0], "verified": True}],
    "a giant number": lambda one: [{**evidence(one, SHOWN)[0], "hits": 10**100}],
}


@pytest.fixture(scope="module")
def installs():
    """Return where this module keeps its agents between cases."""
    return {}


@pytest.mark.parametrize("kind", WRONG_EVIDENCE)
async def test_evidence_that_does_not_show_the_certificate_proves_nothing(lab, installs, kind):
    """The report is refused with a problem document, the deployment stays planned, the task stays open."""
    if "it" not in installs:
        agent = await lab.agent("evidence.shop.test")
        installs["it"] = (agent, await lab.installing(agent))
    agent, install = installs["it"]
    before = lab.lab.position()
    told = WRONG_EVIDENCE[kind](install["parameters"]["fingerprint"])
    answer = await lab.report(agent, install["task_id"], outcome="served", evidence=told)

    assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert before == lab.lab.position()
    assert install["task_id"] in {task["task_id"] for task in await lab.tasks(agent)}


WRONG_RESULTS = {
    "an outcome of the other kind": {"outcome": "served"},
    "done without a CSR": {"outcome": "done"},
    "failed with a CSR": {"outcome": "failed", "csr": "x"},
    "an unknown outcome": {"outcome": "maybe"},
    "unknown members": {"outcome": "failed", "stage": "write", "command": "rm"},
    "a giant CSR": {"outcome": "done", "csr": "A" * 65_537},
    "a giant detail": {"outcome": "failed", "stage": "write", "detail": "x" * 1_001},
    "a surrogate": {"outcome": "failed", "stage": "\ud800"},
    "nothing": {},
}


@pytest.mark.parametrize("kind", WRONG_RESULTS)
async def test_a_wrong_result_is_a_clear_problem(lab, installs, kind):
    """The problem is 422, the key stays asked for, and the ledger says nothing of it."""
    if "keys" not in installs:
        agent = await lab.agent("results.shop.test")
        await lab.order(agent.host_id)
        installs["keys"] = (agent, (await lab.tasks(agent))[0]["task_id"])
    agent, task = installs["keys"]
    before = lab.lab.position()
    answer = await lab.report(agent, task, **WRONG_RESULTS[kind])

    assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert before == lab.lab.position()


async def test_a_wrong_wait_is_a_clear_problem(lab):
    """Waiting for ever, backwards or for no number is refused."""
    agent = await lab.agent("wait.shop.test")
    async with lab.client(agent.der) as client:
        for wait in ("nan", "inf", "-1", "31", "1e9", "x", ""):
            assert 422 == (await client.get("/agent/v1/tasks", params={"wait": wait})).status_code, wait


async def test_a_key_in_use_is_no_renewal(lab, unchanged):
    """An agent that renews with the key it has is told to make a fresh one."""
    agent = await lab.agent("lazy.shop.test")
    assert unchanged()
    async with lab.client(agent.der) as client:
        answer = await client.post("/agent/v1/identity", json={"csr": csr_of(agent.key)})

    assert (422, "agent-key-reused") == (answer.status_code, answer.json()["rule"])
    assert unchanged()

"""What an agent is told when our side fails, and what heartbeats may say."""

from __future__ import annotations

import json
from functools import partial
from unittest.mock import patch

import pytest

from domain.certificates.certificate import Certificate
from domain.errors import Unavailable
from tests.support.agent_edge import csr_of, new_key


async def _gone(*_):
    raise Unavailable("the HSM is gone", fix="wait")


@pytest.fixture
def no_signer(lab):
    """Return a context in which the CA's key is out of reach at the moment of signing."""
    return partial(patch.object, type(lab.lab.backend.issuers), "sign", _gone)


async def test_an_enrolment_that_could_not_be_signed_says_what_helps(lab, no_signer):
    """It is 503, the token is used up and the answer says so, the serial is revoked; a new token enrols."""
    host = await lab.lab.host("hsm.shop.test")
    token, before = await lab.token(host), lab.lab.position()
    with no_signer():
        answer = await lab.enrol(token)
    topics = lab.lab.topics(before)
    again = await lab.enrol(token)
    fresh = await lab.enrol(await lab.token(host))

    assert (503, "signing-failed") == (answer.status_code, answer.json()["rule"])
    assert "new one" in answer.json()["fix"]
    assert "HSM" not in answer.text
    assert {Certificate.IssuanceFailed.TOPIC, Certificate.Revoked.TOPIC} <= set(topics)
    assert [403, 201] == [again.status_code, fresh.status_code]


async def test_a_renewal_that_could_not_be_signed_leaves_the_agent_known(lab, no_signer):
    """The present key goes on working; a fresh attempt with another key succeeds."""
    agent = await lab.agent("renewal.shop.test")
    async with lab.client(agent.der) as client:
        with no_signer():
            failed = await client.post("/agent/v1/identity", json={"csr": csr_of(new_key())})
        known = await client.get("/agent/v1/tasks")
        renewed = await client.post("/agent/v1/identity", json={"csr": csr_of(new_key())})

    assert (503, "try again with another fresh key") == (failed.status_code, failed.json()["fix"])
    assert [200, 200] == [known.status_code, renewed.status_code]


HEARTBEATS: dict[str, object] = {
    "another state": {"agent_version": "1", "state": "root"},
    "a newline": {"agent_version": "1", "state": "ok\n"},
    "a giant version": {"agent_version": "1" * 65, "state": "ok"},
    "a giant detail": {"agent_version": "1", "state": "ok", "detail": "x" * 1_001},
    "another host": {"agent_version": "1", "state": "ok", "host_id": "host-1"},
    "a surrogate": {"agent_version": "\ud800", "state": "ok"},
    "a list": [],
    "null": None,
}


@pytest.mark.parametrize("kind", HEARTBEATS)
async def test_a_wrong_heartbeat_is_a_clear_problem(lab, kind):
    """It is 422 with a problem document, and nothing is recorded."""
    agent = await lab.agent(f"heart-{list(HEARTBEATS).index(kind)}.shop.test")
    before = lab.lab.position()
    async with lab.client(agent.der) as client:
        headers = {"content-type": "application/json"}
        answer = await client.post("/agent/v1/heartbeat", content=json.dumps(HEARTBEATS[kind]), headers=headers)

    assert (422, "application/problem+json") == (answer.status_code, answer.headers["content-type"])
    assert before == lab.lab.position()

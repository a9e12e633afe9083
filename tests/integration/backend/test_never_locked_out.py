"""The identity provider is dead and nobody is there: the system keeps its own certificates and CRLs fresh.

And where an agent was away until its certificate had ended, a named way leads back, on the record.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509
from pydantic import SecretStr

from domain.errors import Unavailable
from infra.identity.settings import ProviderSettings
from infra.reading import every
from infra.server.own_certificate import OwnNames, own_identity
from infra.server.tls import ReloadableContext, agents_context, people_context
from infra.upkeep.listeners import OwnTls
from infra.upkeep.table import upkeep
from projections.issuers.issuers import ISSUERS, IssuerFilter
from tests.support.agent_edge import AgentLab, csr_of, der_of, new_key
from tests.support.backends import Clock, set_up
from tests.support.edge import open_lab

NAMES = OwnNames(("clm.test",), ("127.0.0.1",))


@pytest.fixture
def dead():
    """A provider behind a port at which nobody listens."""
    return ProviderSettings(
        name="corp",
        issuer="http://127.0.0.1:9",
        client_id="sslclm",
        client_secret=SecretStr("secret"),
        redirect_uri="http://127.0.0.1:9/auth/callback",
        development=True,
    )


def test_a_year_without_provider_and_people(tmp_path, dead):
    """Month by month the upkeep alone: its own certificate is never near its end, no CRL is stale, nothing fails."""
    clock = Clock()
    backend = set_up(tmp_path, clock)
    identity = backend.identity((dead,))
    try:
        with pytest.raises(Unavailable):
            asyncio.run(identity.sign_in.begin("corp", redirect_uri=dead.redirect_uri, carry={}))
        loop = upkeep(backend, identity, _tls(backend, clock))
        for _ in range(120):
            clock.go_on(days=3)
            asyncio.run(_round(loop))
            backend.views.wait_for_blocking(backend.ledger.head().position)
            _all_is_fresh(backend, clock)
        assert {name: record.problem for name, record in loop.records.items() if record.failed} == {}
    finally:
        identity.records.close()
        backend.close()


def _tls(backend, clock):
    identity, roots = asyncio.run(own_identity(backend, NAMES)), backend.root_pem()
    people = ReloadableContext(people_context, identity, clock)
    return OwnTls(NAMES, people, ReloadableContext(lambda one: agents_context(one, roots), identity, clock), roots)


async def _round(loop):
    for reaction in loop.reactions:
        await loop._react(reaction)


def _all_is_fresh(backend, clock):
    leaf = x509.load_pem_x509_certificate(asyncio.run(own_identity(backend, NAMES)).chain_pem)
    assert leaf.not_valid_after_utc - clock.now > timedelta(days=10)
    for row in every(backend.views, ISSUERS, IssuerFilter()):
        if not row["key_sealed"]:
            assert row["next_update_us"] / 1e6 > clock.now.timestamp(), row["name"]


@pytest.fixture
def agents(tmp_path):
    """The agents' side of a whole backend."""
    with open_lab(tmp_path) as lab:
        yield AgentLab(lab)


async def test_an_agent_renews_its_identity_by_itself(agents):
    """No person, no provider: the present key proves who asks for the next."""
    agent = await agents.agent("web1.shop.test")
    agents.lab.clock.forward(70 * 86_400)
    async with agents.client(agent.der) as client:
        answer = await client.post("/agent/v1/identity", json={"csr": csr_of(new_key())})

    assert answer.status_code == 200, answer.text


async def test_an_agent_that_was_away_too_long_comes_back_by_a_token(agents):
    """Refused with the way back in the sentence; enrolled anew; the old key stays out; history shows both."""
    agent = await agents.agent("web2.shop.test")
    before = agents.lab.position()
    agents.lab.clock.forward(100 * 86_400)
    async with agents.client(agent.der) as client:
        refused = await client.get("/agent/v1/tasks")
    assert refused.status_code == 401
    assert "sslclm-agent enrol --replace" in refused.json()["fix"]
    assert "sslclm hosts token" in refused.json()["fix"]

    key = new_key()
    told = (await agents.enrol(await agents.token(agent.host_id), csr=csr_of(key))).raise_for_status().json()
    async with agents.client(der_of(told["certificate_chain"][0])) as client:
        assert (await client.get("/agent/v1/tasks")).status_code == 200
    async with agents.client(agent.der) as client:
        assert (await client.get("/agent/v1/tasks")).status_code == 401
    made = ("sslclm.host.bootstrap-token-made.v1", "sslclm.host.enrolled.v1")
    assert list(made) == [topic for topic in agents.lab.topics(before) if topic in made]

"""Several workers are one backend: what one of them is told the others know, and what one leaves another takes up."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from domain.access.team import Team
from domain.certificates.certificate import Certificate
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from infra.bootstrap import compose
from infra.ledger.paging import walk
from infra.server import own_certificate
from infra.server.own_certificate import OwnNames
from tests.support.agent_edge import payload
from tests.support.crash_backend import eventually
from tests.support.crash_checks import served_serials
from tests.support.crash_stream import Stream, fresh_csr
from tests.support.crew_backend import CrewBackend
from tests.support.crew_desks import certificate, each_worker, holder, kept
from tests.support.crew_hosts import enrolled, order_for

pytestmark = pytest.mark.timeout(180)
SEED = 20_263
FORBIDDEN = 403


@pytest.fixture(scope="module", params=["sqlite", "mongodb"])
def stream(request, tmp_path_factory):
    """Commands of a furnished backend of three workers, whose store is a file, or a database."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("mongo_module_url")
    with CrewBackend(tmp_path_factory.mktemp("crew"), database=url) as backend:
        made = Stream(backend, random.Random(SEED))
        made.furnish()
        yield made


@pytest.fixture(scope="module", autouse=True)
def renewed(stream):
    """Renew the listeners' certificate in a process of its own; returns it. It is served within a minute."""
    names = OwnNames(("localhost",), ())
    with pytest.MonkeyPatch.context() as patch, contextlib.closing(compose(stream.backend.files)) as another:
        patch.setattr(own_certificate, "_is_due", lambda *_: True)
        identity = asyncio.run(own_certificate.own_identity(another, names))
    return identity.certificates()[0].public_bytes(Encoding.DER)


def ordered(stream, client, name):
    """Order a certificate through one connection; returns what was answered."""
    body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web"), "csr": fresh_csr(name)}
    act = stream.act("order", "ci-shop", "/api/v1/orders", body)
    act.take(client.post(act.path, json=body, headers=act.headers | stream.authorization("ci-shop")))
    return act.answer


def test_a_sign_in_goes_from_worker_to_worker(stream):
    """Begun at one, called back at the next, exchanged at the third, ended at the first: all know; nothing twice."""
    with each_worker(stream.backend) as desks:
        first, second, third = desks.values()
        for begins, called, exchanges in ((first, second, third), (third, second, first), (second, first, third)):
            told = stream.backend.sign_in_over(begins, called, "adam")
            token = exchanges.post("/auth/cli/token", json=told).raise_for_status().json()["token"]
            assert not any(each.post("/auth/cli/token", json=told).is_success for each in desks.values())
            mine = {"Authorization": f"Bearer {token}"}
            assert [each.get("/api/v1/me", headers=mine).status_code for each in desks.values()] == [200] * 3
            begins.post("/auth/cli/logout", headers=mine).raise_for_status()
            assert [each.get("/api/v1/me", headers=mine).status_code for each in desks.values()] == [401] * 3


def test_a_withdrawn_grant_ends_at_once_at_every_worker(stream):
    """Whichever worker withdraws or gives it, the next request at any of them goes by that, on any connection."""
    adam = stream.authorization("adam")
    given = next(act for act in stream.acts if act.kind == "grant" and act.body["team_id"])

    def asked(desks):
        who = stream.authorization("ci-shop")
        with contextlib.ExitStack() as opened:
            fresh = [opened.enter_context(kept(stream.backend)) for _ in range(4)]
            return {each.get("/api/v1/orders", headers=who).status_code for each in (*desks.values(), *fresh)}

    with each_worker(stream.backend) as desks:
        for through in desks.values():
            path = f"/api/v1/grants/{given.answer['id']}/withdraw"
            through.post(path, json={"reason": "moved"}, headers=adam | {"Idempotency-Key": path}).raise_for_status()
            assert asked(desks) == {FORBIDDEN}
            again = stream.act("grant", "adam", "/api/v1/grants", given.body)
            again.take(through.post(again.path, json=again.body, headers=adam | again.headers))
            assert asked(desks) == {200}
            given = again


@pytest.mark.parametrize("host", ["web1.shop.test", "web2.shop.test"])
def test_a_waiting_agent_is_woken_by_what_another_worker_did(stream, host, tmp_path):
    """An order that one worker takes ends, within seconds, the poll that another one holds."""
    opens = enrolled(stream, host, tmp_path)
    with each_worker(stream.backend) as desks, opens() as agent, ThreadPoolExecutor(1) as waiting:
        held_by = holder(stream.backend, agent.get("/agent/v1/tasks").raise_for_status())
        poll = waiting.submit(agent.get, "/agent/v1/tasks", params={"wait": 30})
        order = order_for(stream, desks[max(desks.keys() - {held_by})], host)
        answer = poll.result(5).raise_for_status()
        assert holder(stream.backend, answer) == held_by
        assert [order] == [payload(task["jws"])["parameters"]["order_id"] for task in answer.json()["tasks"]]


def test_the_upkeep_is_taken_over_from_the_dead(stream):
    """Its holder is killed over a revocation: another one publishes the list; no list is published twice."""
    backend, olga = stream.backend, stream.authorization("sec-olga")
    eventually(lambda: bool(backend.keepers()), "a turn")
    before = backend.keepers()
    with kept(backend) as client:
        made = ordered(stream, client, "gone.shop.test")
        path = f"/api/v1/certificates/{made['certificate_id']}/revoke"
        told = {"revocation_reason": "superseded", "reason": "gone"}
        client.post(path, json=told, headers=olga | {"Idempotency-Key": path}).raise_for_status()
    backend.follow(before[-1])
    eventually(lambda: len(backend.keepers()) > len(before), "another one's turn", 40)
    assert backend.keepers()[-1] in backend.workers()
    eventually(lambda: int(made["serial"], 16) in served_serials(backend, "issuing"), "the serial on the list")
    assert len(backend.keepers()) == len(before) + 1
    with backend.ledger() as ledger:
        lists = [(one.stream_id, json.loads(one.state)["number"]) for one in told_of(ledger, Issuer.CrlPublished)]
        assert {1} == set(Counter(lists).values())
        assert [] == told_of(ledger, Certificate.IssuanceFailed)


@pytest.mark.parametrize("stream", ["sqlite"], indirect=True)
def test_every_worker_serves_the_certificate_that_another_process_renewed(stream, renewed):
    """Within a minute, those that were there all the time, too; nobody was started anew for it."""

    def served():
        with each_worker(stream.backend) as desks:
            return {certificate(client.get("/readyz")) for client in desks.values()}

    eventually(lambda: served() == {renewed}, "the new certificate at every worker", 75)


def told_of(ledger, event):
    """Return what is on record of a kind."""
    return [one for entry in walk(ledger) for one in entry.events if one.topic == event.TOPIC]

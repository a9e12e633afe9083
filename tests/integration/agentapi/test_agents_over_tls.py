"""The agents' endpoints over real mutual TLS, against a backend in a process of its own."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import random
import signal
import ssl
import time

import httpx2
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.access.team import Team
from domain.profiles.profile import Profile
from tests.support.agent_edge import DIRECTORY, ENDPOINT, SHOWN, csr_of, evidence, new_key, payload
from tests.support.crash_backend import DEADLINE, CrashBackend
from tests.support.crash_stream import Stream
from tests.support.pki import make_ca, make_leaf

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """Return a furnished backend with people signed in."""
    with CrashBackend(tmp_path_factory.mktemp("tls")) as backend:
        stream = Stream(backend, random.Random(1))
        stream.furnish()
        yield stream


def _enrolled(stream, folder, name):
    """Enrol a host's agent; return the host's id and a context that proves its certificate."""
    body = {"name": name, "team_id": Team.id_for("shop")}
    host = stream.say(stream.act("host", "adam", "/api/v1/hosts", body)).answer["id"]
    token = stream.say(stream.act("token", "adam", f"/api/v1/hosts/{host}/token", {})).answer["token"]
    key = new_key()
    told = {"token": token, "csr": csr_of(key), "agent_version": "1", "platform": "test"}
    with stream.backend.client() as client:
        chain = client.post("/agent/v1/enrol", json=told).raise_for_status().json()["certificate_chain"]
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    (folder / f"{name}.pem").write_text(pem + "".join(chain))
    context = ssl.create_default_context(cadata=stream.backend.root_pem)
    context.load_cert_chain(folder / f"{name}.pem")
    return host, context


def _agents(stream, context):
    """Return a client of the agents' listener."""
    url = f"https://localhost:{stream.backend.agents}/agent/v1"
    return httpx2.Client(base_url=url, verify=context, timeout=DEADLINE, trust_env=False)


def _order(stream, host):
    target = {"host_id": host, "spec": {"directory": DIRECTORY, "endpoints": [ENDPOINT]}}
    body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web"), "targets": [target]}
    return stream.say(stream.act("order", "ci-shop", "/api/v1/orders", {**body, "dns_names": ["www.shop.test"]}))


def test_an_order_reaches_a_waiting_agent_and_is_proven(stream, tmp_path):
    """A long-poll over mutual TLS is woken, the key certified, the installation reported and the order fulfilled."""
    host, context = _enrolled(stream, tmp_path, "tls1.shop.test")
    with _agents(stream, context) as client, concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(client.get, "/tasks", params={"wait": 30})
        start = time.monotonic()
        order = _order(stream, host).answer["order_id"]
        key_task = payload(waiting.result(DEADLINE).json()["tasks"][0]["jws"])
        took = time.monotonic() - start
        made = {"outcome": "done", "csr": csr_of(new_key(), "www.shop.test")}
        client.post(f"/tasks/{key_task['task_id']}/result", json=made).raise_for_status()
        install = payload(client.get("/tasks", params={"wait": 10}).json()["tasks"][0]["jws"])
        shown = {"outcome": "served", "evidence": evidence(install["parameters"]["fingerprint"], SHOWN)}
        told = client.post(f"/tasks/{install['task_id']}/result", json=shown).raise_for_status().json()
    with stream.client("ci-shop") as pipeline:
        seen = pipeline.get(f"/api/v1/orders/{order}", headers={"Min-Ledger-Position": str(told["position"])})

    assert ("make-key", "install") == (key_task["kind"], install["kind"])
    assert took < 10
    assert "fulfilled" == seen.json()["state"]


def test_a_disabled_host_is_refused_on_its_open_connection(stream, tmp_path):
    """The same connection that just got its tasks gets a 401 with a problem document."""
    host, context = _enrolled(stream, tmp_path, "tls2.shop.test")
    with _agents(stream, context) as client:
        before = client.get("/tasks")
        ports = [before.extensions["network_stream"].get_extra_info("client_addr")]
        stream.say(stream.act("disable", "adam", f"/api/v1/hosts/{host}/disable", {}))
        after = client.get("/tasks")
        ports.append(after.extensions["network_stream"].get_extra_info("client_addr"))

    assert [200, 401] == [before.status_code, after.status_code]
    assert ("application/problem+json", "agent-certificate") == (after.headers["content-type"], after.json()["rule"])
    assert ports[0] == ports[1]


def test_nobody_gets_in_without_the_agents_ca(stream, tmp_path):
    """No certificate, and one of another CA: the handshake ends, no HTTP is read."""
    ours = stream.backend.root_pem
    foreign = ssl.create_default_context(cadata=ours)
    foreign.load_cert_chain(*make_leaf(make_ca("SSL-CLM Agents CA"), client=True).write(tmp_path, "foreign"))
    for context in (ssl.create_default_context(cadata=ours), foreign):
        with _agents(stream, context) as client, pytest.raises(httpx2.TransportError):
            client.get("/tasks")


def test_a_body_beyond_the_limit_is_refused(stream, tmp_path):
    """The listener refuses more than a mebibyte before the application reads it."""
    _, context = _enrolled(stream, tmp_path, "tls3.shop.test")
    with _agents(stream, context) as client:
        answer = client.post("/tasks/task-1/result", content=b" " * (1024 * 1024 + 1))

    assert (413, "application/problem+json") == (answer.status_code, answer.headers["content-type"])


def test_head_of_a_crl_has_no_body(stream):
    """The plain listener answers HEAD with the length and nothing behind it."""
    url = f"{stream.backend.pki_url}/crl/issuing/0.crl"
    got, head = httpx2.get(url, trust_env=False), httpx2.head(url, trust_env=False)

    assert (200, b"") == (head.status_code, head.content)
    assert got.headers["content-length"] == head.headers["content-length"]


def test_a_stop_ends_waiting_calls(stream, tmp_path):
    """SIGTERM: the long-poll is answered with no tasks, the process ends well, in seconds. Runs last: it stops it."""
    _, context = _enrolled(stream, tmp_path, "tls4.shop.test")
    waiting = http.client.HTTPSConnection("localhost", stream.backend.agents, context=context, timeout=DEADLINE)
    waiting.request("GET", "/agent/v1/tasks?wait=30")
    with _agents(stream, context) as client:
        client.get("/tasks").raise_for_status()  # what was sent before it has been read by now
    start = time.monotonic()
    stream.backend.process.send_signal(signal.SIGTERM)
    answer = waiting.getresponse()

    assert (200, {"tasks": []}) == (answer.status, json.load(answer))
    waiting.close()
    assert stream.backend.died() == 0
    assert time.monotonic() - start < 15

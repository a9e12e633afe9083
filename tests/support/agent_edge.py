"""Agents of a whole backend in this process: enrolled by token, speaking over HTTP as the server would hear them.

The wrapper around the agents' application puts the client certificate into the scope, as ``infra/server`` does after
a handshake; the handshake itself is tested with real sockets.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from api.agent.apps import agent_app, pki_app
from tests.support.csrs import make_csr
from tests.support.edge import Lab

AGENT_URL = "https://agents.clm.test"
DIRECTORY = "/srv/tls/www"
ENDPOINT = {"address": "127.0.0.1", "port": 8443, "server_name": "www.shop.test"}
SHOWN = "127.0.0.1:8443/www.shop.test"
Json = dict[str, Any]


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a fresh P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def csr_of(key: ec.EllipticCurvePrivateKey, *names: str) -> str:
    """Return a CSR (PEM) for a key."""
    der = make_csr(key, *(x509.DNSName(name) for name in names))
    return x509.load_der_x509_csr(der).public_bytes(Encoding.PEM).decode()


def der_of(pem: str) -> bytes:
    """Return the DER of a certificate."""
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)


def forged(key: ec.EllipticCurvePrivateKey, *uris: str, until: datetime) -> bytes:
    """Return a certificate (DER) for a key as our CA would name a host: what a handshake is taken to have verified."""
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(datetime(2020, 1, 1, tzinfo=until.tzinfo)).not_valid_after(until)
    if uris:
        names = [x509.UniformResourceIdentifier(uri) for uri in uris]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@dataclass(frozen=True)
class Agent:
    """An enrolled agent: its host, its key, and its client certificate (DER)."""

    host_id: str
    key: ec.EllipticCurvePrivateKey
    der: bytes
    enrolled: Json


@dataclass
class AgentLab:
    """The agents' side of a lab; ``draining`` is what the server sets when it is about to stop."""

    lab: Lab
    app: Any = field(init=False)
    pki: Any = field(init=False)

    def __post_init__(self) -> None:
        self.app, self.pki = agent_app(self.lab.edge), pki_app(self.lab.edge)

    def client(self, der: bytes | None, *, draining: asyncio.Event | None = None) -> httpx2.AsyncClient:
        """Return a client on a connection that proved this certificate."""
        transport = httpx2.ASGITransport(app=_heard(self.app, der, draining), raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url=AGENT_URL, trust_env=False)

    def plain(self) -> httpx2.AsyncClient:
        """Return a client of the plain listener."""
        transport = httpx2.ASGITransport(app=self.pki, raise_app_exceptions=False)
        return httpx2.AsyncClient(transport=transport, base_url="http://pki.test", trust_env=False)

    async def token(self, host_id: str, **wish: int) -> str:
        """Return a fresh bootstrap token."""
        async with self.lab.client("adam") as adam:
            answer = await adam.post(f"/api/v1/hosts/{host_id}/token", json=wish, headers=self.lab.key())
        return str(answer.raise_for_status().json()["token"])

    async def enrol(self, token: str, **changes: Any) -> httpx2.Response:
        """Try to enrol."""
        body = {"token": token, "csr": csr_of(new_key()), "agent_version": "1.0", "platform": "test", **changes}
        async with self.lab.client() as stranger:
            return await stranger.post("/agent/v1/enrol", json=body)

    async def agent(self, name: str, team: str = "shop") -> Agent:
        """Register a host and enrol its agent."""
        self.lab.clock.forward(5)  # so that honest enrolments of a whole module stay within the rate
        host_id, key = await self.lab.host(name, team), new_key()
        answer = await self.enrol(await self.token(host_id), csr=csr_of(key))
        told = answer.raise_for_status().json()
        return Agent(host_id, key, der_of(told["certificate_chain"][0]), told)

    async def order(self, *hosts: str, name: str = "www.shop.test", **more: Any) -> str:
        """Order a certificate for a target on each host, approved by policy; returns the order's id."""
        spec = {"directory": DIRECTORY, "endpoints": [ENDPOINT]}
        targets = [{"host_id": host, "spec": spec} for host in hosts]
        body = {"team_id": self.lab.team(), "profile_id": self.lab.profile(), "dns_names": [name], "targets": targets}
        async with self.lab.client("dev-anna") as anna:
            answer = await anna.post("/api/v1/orders", json={**body, **more}, headers=self.lab.key())
        assert answer.is_success, answer.text
        await self.lab.backend.views.wait_for(self.lab.position())
        return str(answer.json()["order_id"])

    async def tasks(self, agent: Agent, **query: Any) -> list[Json]:
        """Return the payloads of an agent's open tasks."""
        async with self.client(agent.der) as client:
            answer = await client.get("/agent/v1/tasks", params=query)
        return [payload(task["jws"]) for task in answer.raise_for_status().json()["tasks"]]

    async def report(self, agent: Agent, task_id: str, **result: Any) -> httpx2.Response:
        """Report a task's result."""
        async with self.client(agent.der) as client:
            where, headers = f"/agent/v1/tasks/{task_id}/result", {"content-type": "application/json"}
            return await client.post(where, content=json.dumps(result), headers=headers)

    async def installing(self, agent: Agent, **more: Any) -> Json:
        """Order a certificate, let the agent make the key; returns the payload of its install task."""
        await self.order(agent.host_id, **more)
        made = (await self.tasks(agent))[0]
        answer = await self.report(agent, made["task_id"], outcome="done", csr=csr_of(new_key(), "www.shop.test"))
        assert answer.is_success, answer.text
        await self.lab.backend.views.wait_for(self.lab.position())
        return next(task for task in await self.tasks(agent) if task["kind"] == "install")


def payload(jws: str) -> Json:
    """Return what a task says, unchecked."""
    told: Json = json.loads(decoded(jws.split(".")[1]))
    return told


def decoded(text: str) -> bytes:
    """Return what base64url without padding (RFC 7515 section 2) stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def evidence(sha256: str, *endpoints: str) -> list[Json]:
    """Return evidence of one certificate served on endpoints."""
    return [{"endpoint": one, "sha256": sha256, "tls": "TLSv1.3", "hits": 3} for one in endpoints]


def _heard(app: Any, der: bytes | None, draining: asyncio.Event | None) -> Callable[..., Any]:
    async def heard(scope: Any, receive: Any, send: Any) -> None:
        peer = {"version": "TLSv1.3", "cipher": "", "peer_der": der, "peer_sha256": None, "forwarded_by": None}
        state = {} if draining is None else {"draining": draining}
        await app({**scope, "extensions": {"tls": peer}, "state": state}, receive, send)

    return heard

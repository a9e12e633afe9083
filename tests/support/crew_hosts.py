"""A host's agent at a crew: a key and a certificate of its own, and one connection over real TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import httpx2
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.access.team import Team
from domain.hosts.host import Host
from domain.profiles.profile import Profile
from tests.support.agent_edge import DIRECTORY, ENDPOINT, csr_of, new_key
from tests.support.crash_stream import Stream


def enrolled(stream: Stream, name: str, folder: Path) -> Callable[[], httpx2.Client]:
    """Register a host and enrol its agent; returns what opens a connection that proves its certificate."""
    stream.say(stream.act("host", "adam", "/api/v1/hosts", {"name": name, "team_id": Team.id_for("shop")}))
    made = stream.say(stream.act("token", "adam", f"/api/v1/hosts/{Host.id_for(name)}/token", {}))
    key = new_key()
    body = {"token": made.answer["token"], "csr": csr_of(key), "agent_version": "1", "platform": "test"}
    with stream.backend.client() as stranger:
        told = stranger.post("/agent/v1/enrol", json=body).raise_for_status().json()
    file = folder / "agent.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    file.write_text(pem + "".join(told["certificate_chain"]))
    context = ssl.create_default_context(cadata=stream.backend.root_pem)
    context.load_cert_chain(file)
    url = f"https://localhost:{stream.backend.agents}"
    limits = httpx2.Limits(max_connections=1, keepalive_expiry=None)
    return lambda: httpx2.Client(base_url=url, verify=context, timeout=60, trust_env=False, limits=limits)


def order_for(stream: Stream, client: httpx2.Client, host: str) -> str:
    """Order, through this connection, a certificate whose key the host's agent makes; returns the order's id."""
    target = {"host_id": Host.id_for(host), "spec": {"directory": DIRECTORY, "endpoints": [ENDPOINT]}}
    wish = {"dns_names": [host], "targets": [target]}
    body = {"team_id": Team.id_for("shop"), "profile_id": Profile.id_for("web"), **wish}
    act = stream.act("wish", "ci-shop", "/api/v1/orders", body)
    act.take(client.post(act.path, json=body, headers=act.headers | stream.authorization("ci-shop")))
    return str(act.answer["order_id"])

"""Chapter 4: a host is registered, and its agent turns a one-time token into an identity of its own."""

from __future__ import annotations

from scripts.story import agent, backend
from scripts.story.calls import Api
from scripts.story.place import StoryError
from scripts.story.scene import DB1, PAY, SHOP, WEB1, Scene
from scripts.story.webserver import HOST

_ABOUT = (
    "The token is good once, for one host, for an hour, and carries the root's fingerprint: the agent believes no "
    "other server. Its private key never leaves the host; from then on it speaks mutual TLS only."
)


def live(scene: Scene) -> None:
    """Register both hosts; enrol the agent of one."""
    scene.teller.chapter("4  Host", _ABOUT)
    anna, ben = scene.person("dev-anna"), scene.person("dev-ben")
    _registered(scene, anna, WEB1, HOST, SHOP)
    _registered(scene, ben, DB1, "db1.pay.test", PAY)
    agent.configure(scene.place, scene.server)
    if not agent.is_enrolled(scene.place):
        _enrol(scene, anna)
    if agent.is_let_in_without_certificate(scene.place):
        raise StoryError("the agents' listener answered somebody without a client certificate")
    scene.teller.line("a stranger", "calls the agents' listener", "no handshake without a certificate", mood="no")
    row = scene.wait_for("the enrolled host", lambda: _enrolled(anna))
    scene.teller.line(
        "agent of web1", "calls the agents' listener", f"{row['state']}, mutual TLS; agent {row['agent_version']}"
    )


def _registered(scene: Scene, who: Api, host_id: str, name: str, team: str) -> None:
    shown = who.get(f"/hosts/{host_id}")
    if shown.is_good:
        scene.teller.line(who.who, f"host {name}", "is registered", shown.body["created_position"])
    else:
        scene.tell(who, f"registers host {name}", who.post("/hosts", {"name": name, "team_id": team}), "done")


def _enrol(scene: Scene, anna: Api) -> None:
    answer = anna.post(f"/hosts/{WEB1}/token").good()
    token = answer.body["token"]
    fingerprint = agent.fingerprint_in(token)
    if fingerprint != backend.root_sha256(scene.place):
        raise StoryError("the token names another root than sslclm init made")
    shown = f"shown once; root {fingerprint[:16]}…"
    scene.tell(anna, "makes a bootstrap token for web1", answer, shown)
    agent.enrol(scene.place, token)
    history = scene.history(WEB1)
    enrolled = next(one["position"] for one in reversed(history) if one["topic"] == "sslclm.host.enrolled.v1")
    scene.teller.line(
        "agent of web1", "enrols: makes its own key, sends a CSR", "client certificate from the agents' CA", enrolled
    )


def _enrolled(anna: Api) -> dict[str, str] | None:
    row = anna.get(f"/hosts/{WEB1}").good().body
    return row if row["state"] == "enrolled" else None

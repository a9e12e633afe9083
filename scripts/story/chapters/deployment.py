"""Chapter 6: key on the host, certificate from the CA, installation, proof; once it fails, on purpose."""

from __future__ import annotations

from typing import Any

from scripts.story import agent
from scripts.story.chapters.requests import wish
from scripts.story.place import StoryError
from scripts.story.scene import WEB1, Scene
from scripts.story.serving import look
from scripts.story.webserver import SITES

_ABOUT = (
    "The agent makes the key; the backend records serial and to-be-signed hash before it signs. The agent installs, "
    "validates, reloads, and proves by TLS handshakes that exactly this chain is served; else it goes back."
)
_STORY = {
    "sslclm.order.key-accepted.v1": ("agent of web1", "makes the key, sends a CSR"),
    "sslclm.certificate.issuance-started.v1": ("backend", "stores what it is about to sign"),
    "sslclm.certificate.issued.v1": ("backend", "signs, stores the certificate"),
    "sslclm.deployment.planned.v1": ("backend", "plans the installation"),
    "sslclm.deployment.served.v1": ("agent of web1", "installs, validates, reloads, proves"),
    "sslclm.deployment.failed.v1": ("agent of web1", "cannot install, and goes back"),
    "sslclm.deployment.retried.v1": ("Anna", "asks for another attempt"),
    "sslclm.certificate.superseded.v1": ("backend", "supersedes the certificate before"),
}


def live(scene: Scene, order_id: str) -> None:
    """Follow the approved order to the servers; then a failure, its repair, and the retry."""
    scene.teller.chapter("6  Issue and deploy", _ABOUT)
    _queue(scene)
    agent.start(scene.place, scene.processes)
    order = followed(scene, order_id, "served")
    certificate = order["certificates"][WEB1]
    for site in SITES:
        shown(scene, site, certificate)
    _failure(scene, certificate)


def _queue(scene: Scene) -> None:
    tasks = scene.wait_for("a task in the agent's queue", lambda: agent.queue(scene.place) or None)
    for task in tasks:
        shown = f"{task['kind']} {task['parameters'].get('key_algorithm', '')}, signed (Ed25519)"
        scene.teller.line("agent of web1", "has a typed task in its queue", shown)


def _failure(scene: Scene, former: str) -> None:
    """Somebody breaks the server's configuration; the new certificate does not get through, the old one stays."""
    anna = scene.person("dev-anna")
    where = scene.server.break_on_purpose()
    scene.teller.line("the demo", f"breaks the web server: {where}", "on purpose", mood="bad")
    answer = anna.post("/orders", wish(scene, "www"))
    scene.tell(anna, "requests a new one for www.shop.test", answer, "approved by policy")
    order = followed(scene, answer.body["order_id"], "failed")
    shown(scene, "www", former, still=True)
    scene.server.mend()
    scene.teller.line("the demo", f"mends it: {where} is gone", "done")
    (deployment,) = order["deployments"]
    before = int(anna.get(f"/deployments/{deployment}").good().body["changed_position"])
    again = anna.post(f"/deployments/{deployment}/retry", {"reason": "the configuration is mended"})
    scene.tell(anna, "retries the deployment", again, "planned again, same certificate")
    order = followed(scene, order["order_id"], "served", after=before + 1)
    shown(scene, "www", order["certificates"][WEB1])


def followed(scene: Scene, order_id: str, state: str, after: int = 0) -> dict[str, Any]:
    """Wait until every deployment of an order is in ``state``, and tell how it came there from the ledger."""
    anna = scene.person("dev-anna")

    def done() -> dict[str, Any] | None:
        row = anna.get(f"/orders/{order_id}").good().body
        states = set(row["deployments"].values())
        if states - {"planned", state} or row["refused_rules"]:
            raise StoryError(f"the order ended otherwise: {row['deployments']} {row['refused_rules']}")
        return row if states == {state} else None

    order = scene.wait_for(f"the deployments of {order_id}", done)
    scene.person("vera").seen = order["changed_position"]
    objects = (order_id, *order["certificates"].values(), *order["deployments"])
    events = {event["position"]: event for each in objects for event in scene.history(each)}
    for position, event in sorted(events.items()):
        if position > after and event["topic"] in _STORY and event["topic"] != "sslclm.deployment.retried.v1":
            who, what = _STORY[event["topic"]]
            mood = "bad" if event["topic"] == "sslclm.deployment.failed.v1" else "ok"
            facts = _facts(event["topic"], event["event"]).replace(f"{scene.place.web}/", "")
            scene.teller.line(who, what, facts, position, mood=mood)
    return order


def _facts(topic: str, event: dict[str, Any]) -> str:
    """Return what is worth knowing of an event."""
    if topic == "sslclm.certificate.issuance-started.v1":
        return f"serial {event['serial'][:12]}…, tbs {event['tbs_sha256'][:10]}…"
    if topic == "sslclm.deployment.served.v1":
        return "; ".join(
            f"{one['endpoint'].rpartition('/')[2]}, {one['tls']}, {one['hits']} times" for one in event["evidence"]
        )
    if topic == "sslclm.deployment.failed.v1":
        back = "rolled back, the old one is served" if event["rolled_back"] else "NOT rolled back"
        return f"at {event['stage']}: {reason(event['detail'])}; {back}"
    if topic == "sslclm.deployment.planned.v1":
        return str(event["target"]["directory"].rpartition("/")[2])
    return ""


def reason(detail: str) -> str:
    """Return the heart of what a server said: nginx's own sentence, without what surrounds it."""
    _, found, rest = detail.partition("[emerg]")
    text = rest if found else detail
    return text.partition(". The reload")[0].partition(" nginx: configuration file")[0].strip(" 0123456789#:;")


def shown(scene: Scene, site: str, certificate_id: str, *, still: bool = False) -> None:
    """Shake hands, and hold what is served against what the system says."""
    row = scene.person("dev-anna").get(f"/certificates/{certificate_id}").good().body
    served = look(scene.place, scene.place.ports[site], SITES[site])
    if served.sha256 != row["fingerprint"] or not served.is_trusted:
        raise StoryError(f"{SITES[site]} serves {served}, and the system says {row['fingerprint']}")
    what = f"shakes hands with {SITES[site]}"
    scene.teller.line("the demo", what, f"{'still ' if still else ''}serial {row['serial'][:12]}…, {served.verdict}")
    scene.deployed[site] = certificate_id

"""Chapter 5: four requests: one that policy approves, two that wait for people, one that is refused."""

from __future__ import annotations

from typing import Any

from scripts.story.calls import Answer, Api
from scripts.story.place import StoryError
from scripts.story.scene import DAY_S, DB1, PROFILE, SHOP, WEB1, Scene
from scripts.story.webserver import SITES

_ABOUT = (
    "Inside the profile policy approves. Outside of it people do, never the requester. Another team's host is not even "
    "there; that somebody asked for it is in the ledger."
)


def wish(scene: Scene, *sites: str, host: str = WEB1, **more: Any) -> dict[str, Any]:
    """Return the body of an order for sites of the web server."""
    targets = [{"host_id": host, "spec": scene.server.target(site)} for site in sites]
    names = [SITES[site] for site in sites]
    return {"team_id": SHOP, "profile_id": PROFILE, "dns_names": names, "targets": targets, **more}


def live(scene: Scene) -> str:
    """Ask for certificates; returns the id of the order that policy approved."""
    scene.teller.chapter("5  Requests", _ABOUT)
    anna = scene.person("dev-anna")
    answer = anna.post("/orders", wish(scene, "www", "api")).good()
    _must_be(answer, "approved")
    scene.tell(anna, "requests www and api.shop.test on web1", answer, "approved by policy")
    _too_long(scene, anna)
    _nobody_alone(scene)
    foreign = anna.post("/orders", wish(scene, "www", host=DB1))
    scene.refused(anna, "requests one for a host of team pay", foreign, "not-found")
    return str(answer.body["order_id"])


def _too_long(scene: Scene, anna: Api) -> None:
    """Ask for a validity that needs a person: the requester cannot be it, and the person says no."""
    answer = anna.post("/orders", wish(scene, "www", validity=60 * DAY_S)).good()
    _must_be(answer, "waiting")
    order = anna.get(f"/orders/{answer.body['order_id']}").good().body
    scene.tell(anna, "requests 60 days; the profile says 30", answer, f"waits: {', '.join(order['waived_rules'])}")
    approval = {"request_sha256": order["request_sha256"]}
    scene.refused(
        anna,
        "tries to approve it herself",
        anna.post(f"/orders/{order['order_id']}/approve", approval),
        "access-denied",
    )
    olga = scene.person("sec-olga")
    no = olga.post(f"/orders/{order['order_id']}/reject", {"reason": "30 days are enough for a shop window"})
    scene.tell(olga, "rejects it: 30 days are enough", no, "rejected, with that reason")


def _nobody_alone(scene: Scene) -> None:
    """Four eyes: SEC_OPS may approve, but not their own request; the second person declines it."""
    olga, omar = scene.person("sec-olga"), scene.person("sec-omar")
    answer = olga.post("/orders", wish(scene, "api", validity=60 * DAY_S)).good()
    _must_be(answer, "waiting")
    scene.tell(olga, "requests 60 days herself", answer, "waits for a second person")
    order = olga.get(f"/orders/{answer.body['order_id']}").good().body
    approval = {"request_sha256": order["request_sha256"]}
    scene.refused(olga, "tries to approve it", olga.post(f"/orders/{order['order_id']}/approve", approval), "four-eyes")
    omar.seen = olga.seen
    no = omar.post(f"/orders/{order['order_id']}/reject", {"reason": "the same rule for everybody"})
    scene.tell(omar, "rejects it: the same rule for everybody", no, "rejected")


def _must_be(answer: Answer, state: str) -> None:
    if answer.body["state"] != state:
        raise StoryError(f"the order was to be {state} and is {answer.body['state']}")

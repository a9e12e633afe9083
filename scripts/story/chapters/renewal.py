"""Chapter 7: a certificate is renewed before its end, by nobody, under a constant load of new connections."""

from __future__ import annotations

from typing import Any

from domain.profiles.profile import Profile
from scripts.story.chapters.deployment import followed, shown
from scripts.story.chapters.requests import wish
from scripts.story.load import Load
from scripts.story.place import StoryError
from scripts.story.scene import ISSUING, SHOP, WEB1, Scene
from scripts.story.webserver import SITES

_ABOUT = (
    "A new certificate, with a new key, is due after a share of the old one's life. It is decided again by the policy "
    "of today; the first target is the canary, and the next follows when it is proven. Nobody asks for it."
)
_ENOUGH = 50
_SHORT = Profile.id_for("short")
_SPEC: dict[str, Any] = {
    "name": "short",
    "issuer_id": ISSUING,
    "teams": [SHOP],
    "allowed_names": ["**.shop.test"],
    "max_validity": 40 * 60,
    "backdate": 39 * 60,
    "renew_at_percent": 10,
}
"""One minute of forty is left when a certificate is issued, and its renewal is due after a tenth of that."""


def live(scene: Scene) -> None:
    """Deploy a certificate that is due at once, see to it that its successor is not, and watch under load."""
    scene.teller.chapter("7  Renewal", _ABOUT)
    adam, anna = scene.person("adam"), scene.person("dev-anna")
    told = adam.post("/profiles", _SPEC)
    scene.tell(adam, "defines profile short", told, "a minute from issue, due after a tenth of it")
    anna.seen = max(anna.seen, adam.seen)
    answer = anna.post("/orders", {**wish(scene, "www", "api"), "profile_id": _SHORT})
    scene.tell(anna, "requests www and api by it", answer, "approved by policy")
    port = scene.place.ports["www"]
    order = followed(scene, answer.body["order_id"], "served")
    former = order["certificates"][WEB1]
    with Load(scene.place, port, SITES["www"]) as load:
        mended = adam.post("/profiles", {**_SPEC, "backdate": 300, "renew_at_percent": 90})
        scene.tell(adam, "revises it: half an hour from issue", mended, "the next are not due so soon")
        renewed = scene.wait_for("a renewal for good", lambda: _renewed(scene, former))
        fresh = renewed["fingerprint"]
        scene.wait_for("connections to the new certificate", lambda: load.served[fresh] > _ENOUGH or None)
    scene.teller.line("backend", "finds that it is due, and orders", "a new key, for the same names and places")
    followed(scene, renewed["order_id"], "served")
    for site in SITES:
        shown(scene, site, renewed["certificate_id"])
    if load.failures or load.served.total() == load.served[fresh]:
        raise StoryError(f"connections failed during the renewal: {load.told}; {load.failures[:3]}")
    scene.teller.line("the demo", "connected anew to www.shop.test all the while", load.told)


def _renewed(scene: Scene, former: str) -> dict[str, Any] | None:
    """Return the certificate that took the place of another, and of those between, once it is served everywhere."""
    anna = scene.person("dev-anna")
    row = anna.get(f"/certificates/{former}").good().body
    while row["superseded_by"]:
        row = anna.get(f"/certificates/{row['superseded_by']}").good().body
    is_good = row["state"] == "issued" and row["profile_version"] > 1 and row["certificate_id"] != former
    return row if is_good and _is_served(scene, row) else None


def _is_served(scene: Scene, row: dict[str, Any]) -> bool:
    order = scene.person("dev-anna").get(f"/orders/{row['order_id']}").good().body
    return bool(order["deployments"]) and set(order["deployments"].values()) == {"served"}

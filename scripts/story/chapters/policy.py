"""Chapter 13: policy has dates: it explains itself before a request is made, and says what a day to come will break."""

from __future__ import annotations

from typing import Any

from domain.profiles.profile import Profile
from scripts.story.chapters.requests import wish
from scripts.story.place import StoryError
from scripts.story.scene import DAY_S, ISSUING, SHOP, Scene

_ABOUT = (
    "A rule has a source and a day from which it binds. A profile for publicly trusted names follows the CA/Browser "
    "Forum's calendar; what its next step will break is known today."
)
_DAY = "2027-03-15"
_SPEC: dict[str, Any] = {
    "name": "public",
    "issuer_id": ISSUING,
    "teams": [SHOP],
    "allowed_names": ["**.shop.example.com"],
    "max_validity": 200 * DAY_S,
    "public_trust": True,
}


def live(scene: Scene) -> None:
    """Explain a request that is never made; then look at the day on which 200 days are too long."""
    scene.teller.chapter("13  Policy of today and tomorrow", _ABOUT)
    adam, anna, vera = scene.person("adam"), scene.person("dev-anna"), scene.person("vera")
    told = anna.post("/policy/explain", wish(scene, "www", validity=60 * DAY_S)).good().body
    objecting = [one for one in told["rules"] if one["verdict"] != "passes" and one["message"]]
    if [one["rule"] for one in objecting] != ["validity-maximum"] or told["outcome"] != "waits":
        raise StoryError(f"60 days were to wait because of validity-maximum, and the explanation says {objecting}")
    shown = f"{len(told['rules'])} rules, one objects: {objecting[0]['message']}"
    scene.teller.line(anna.who, "asks what would come of 60 days", shown)
    if not adam.get(f"/profiles/{Profile.id_for('public')}").is_good:
        scene.tell(adam, "defines a profile for public names", adam.post("/profiles", _SPEC), "200 days, as of today")
    vera.seen = adam.seen
    ahead = vera.get("/policy/preview", on=_DAY, limit=100).good().body
    broken = [one for one in ahead["items"] if one["profile_id"] == Profile.id_for("public")]
    if not broken:
        raise StoryError(f"nothing of profile public breaks on {_DAY}: {ahead}")
    shown = f"{broken[0]['rule']}: {broken[0]['message']} ({broken[0]['citation']})"
    scene.teller.line(vera.who, f"looks at {_DAY}", shown, mood="no")

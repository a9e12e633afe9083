"""Chapter 11: a certificate moves to another team, by an offer and the consent of the receiving side."""

from __future__ import annotations

from scripts.story.place import StoryError
from scripts.story.scene import PAY, Scene

_ABOUT = (
    "Every certificate has an owner and the owner a contact. It moves when the other side agrees, and its key with it: "
    "whoever had it before may touch neither."
)


def live(scene: Scene, certificate_id: str) -> None:
    """Anna offers the pipeline's certificate to team pay, and Ben takes it."""
    scene.teller.chapter("11  Owners", _ABOUT)
    adam, anna, ben = scene.person("adam"), scene.person("dev-anna"), scene.person("dev-ben")
    told = adam.post(f"/teams/{PAY}/contact", {"address": "pay-oncall@example.test"})
    scene.tell(adam, "names a contact of team pay", told, "the address can be erased; the event names an id")
    offer = anna.post(f"/certificates/{certificate_id}/transfer/offer", {"team": "pay", "reason": "pay builds it now"})
    scene.tell(anna, "offers build.shop.test to team pay", offer, "nothing moves yet")
    own = anna.post(f"/certificates/{certificate_id}/transfer/accept")
    scene.refused(anna, "tries to accept it for them", own, "not-found")
    ben.seen = anna.seen
    scene.tell(
        ben, "accepts it", ben.post(f"/certificates/{certificate_id}/transfer/accept"), "it is theirs, and its key"
    )
    anna.seen = ben.seen
    if anna.get(f"/certificates/{certificate_id}").status != 404:  # noqa: PLR2004 - HTTP's not found
        raise StoryError("the former owner still sees the certificate")
    scene.teller.line(anna.who, "looks for it", "404: for her there is no such object any more", mood="no")

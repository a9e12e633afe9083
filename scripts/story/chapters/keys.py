"""Chapter 9: a key made in the key store, and the one way in which a person gets to see it."""

from __future__ import annotations

import base64
from typing import Any

from cryptography.hazmat.primitives.serialization import pkcs12

from domain.keys.key import Key
from domain.profiles.profile import Profile
from scripts.story.people import step_up
from scripts.story.place import StoryError
from scripts.story.scene import ISSUING, SHOP, Scene

_ABOUT = (
    "Keys are made on hosts; where a profile allows it, in the key store. A person sees such a key with a reason, a "
    "second person's approval and a fresh second factor: once; and from then on it counts as seen."
)
_NAME = "appliance.shop.test"
_SPEC: dict[str, Any] = {
    "name": "appliance",
    "issuer_id": ISSUING,
    "teams": [SHOP],
    "allowed_names": [_NAME],
    "max_validity": 90 * 86_400,
    "key_made": ["server"],
    "reveal_grace": 3_600,
}


def live(scene: Scene) -> str:
    """Have a key made, and see it; returns the certificate's id."""
    scene.teller.chapter("9  Keys", _ABOUT)
    adam, anna = scene.person("adam"), scene.person("dev-anna")
    if not adam.get(f"/profiles/{Profile.id_for('appliance')}").is_good:
        scene.tell(adam, "defines profile appliance", adam.post("/profiles", _SPEC), "keys are made in the key store")
    wish = {"team_id": SHOP, "profile_id": Profile.id_for("appliance"), "dns_names": [_NAME], "server_key": True}
    answer = anna.post("/orders", wish)
    scene.tell(anna, f"requests {_NAME}", answer, "approved by policy")
    order = f"/orders/{answer.body['order_id']}"
    made = scene.wait_for("a key from the key store", lambda: anna.get(order).good().body["certificates"] or None)
    (certificate_id,) = made.values()
    scene.wait_for("its certificate", lambda: anna.get(f"/certificates/{certificate_id}").good().body["serial"] or None)
    scene.teller.line("backend", "makes a key, encrypts it, certifies it", "no byte of it is in the ledger")
    why = {"reason": "the appliance takes keys by hand only"}
    path = f"/certificates/{certificate_id}/reveals"
    scene.refused(anna, "wants to see the key", anna.post(path, why), "access-denied")
    _reveal(scene, path, why)
    _counts_as_seen(scene, certificate_id)
    return str(certificate_id)


def _reveal(scene: Scene, path: str, why: dict[str, str]) -> None:
    """Olga asks, Omar approves exactly that, Olga proves herself anew and sees it, once."""
    olga, omar = scene.person("sec-olga"), scene.person("sec-omar")
    olga.seen = scene.person("dev-anna").seen
    asked = olga.post(path, why)
    scene.tell(olga, "asks to see it", asked, "waits for a second person")
    reveal = f"/reveals/{asked.body['id']}"
    approval = {"request_sha256": olga.get(reveal).good().body["request_sha256"]}
    scene.refused(olga, "tries to approve it", olga.post(f"{reveal}/approve", approval), "four-eyes")
    omar.seen = olga.seen
    scene.tell(omar, "approves exactly that", omar.post(f"{reveal}/approve", approval), "once, within 15 minutes")
    olga.seen = omar.seen
    early = olga.post(f"{reveal}/redeem")
    if early.body.get("rule") != "insufficient-user-authentication":
        raise StoryError(f"a fresh sign-in was to be asked for, and the answer is {early.status} {early.body}")
    scene.teller.line(olga.who, "redeems it", f"{early.status} {early.body['rule']} (RFC 9470)", mood="no")
    step_up(scene.place, "sec-olga", olga.token, f"reveal:{asked.body['id']}")
    key = olga.post(f"{reveal}/redeem").good()
    opened = pkcs12.load_key_and_certificates(base64.b64decode(key.body["pkcs12"]), key.body["password"].encode())
    if opened[0] is None:
        raise StoryError("the PKCS #12 that was shown holds no key")
    scene.tell(olga, "signs in anew for this act, and redeems", key, "the key as PKCS #12 (AES-256), shown once")
    again = olga.post(f"{reveal}/redeem")
    if again.is_good:
        raise StoryError("a key was shown twice")
    scene.teller.line(olga.who, "tries once more", f"refused: {again.refusal}", mood="no")


def _counts_as_seen(scene: Scene, certificate_id: str) -> None:
    anna = scene.person("dev-anna")
    anna.seen = scene.person("sec-olga").seen
    row = anna.get(f"/certificates/{certificate_id}").good().body
    key = anna.get(f"/keys/{Key.id_for(row['spki_sha256'])}").good().body
    if not key["seen"]:
        raise StoryError(f"the key was shown, and does not count as seen: {key}")
    scene.teller.line("backend", "counts the key as seen", "its certificate is revoked within the hour", mood="bad")

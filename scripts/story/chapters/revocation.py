"""Chapter 8: a key is compromised: replaced first, then on the CRL; another is never certified again."""

from __future__ import annotations

from typing import Any

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from scripts.story.chapters.deployment import followed, shown
from scripts.story.chapters.pipeline import csr_for
from scripts.story.place import StoryError
from scripts.story.scene import PROFILE, SHOP, WEB1, Scene
from scripts.story.webserver import SITES

_ABOUT = (
    "A compromised key must go, and its service must stay: the replacement is served first, by a deadline that holds "
    "regardless. The CRL at the address in the certificates follows within seconds. The key is never certified again."
)
_TIMEOUT_S = 10.0


def live(scene: Scene) -> None:
    """Replace and revoke what the web server serves; then revoke a pipeline's certificate, and bring its key again."""
    scene.teller.chapter("8  Revocation", _ABOUT)
    anna = scene.person("dev-anna")
    former = anna.get(f"/certificates/{scene.deployed['www']}").good().body
    wish = {"revocation_reason": "keyCompromise", "replace": "first", "within": 3_600, "reason": "a disk was stolen"}
    answer = anna.post(f"/certificates/{former['certificate_id']}/revoke", wish)
    scene.tell(anna, "revokes it: keyCompromise, replaced first", answer, "planned, within the hour at the latest")
    order = followed(scene, answer.body["order_id"], "served")
    for site in SITES:
        shown(scene, site, order["certificates"][WEB1])
    revoked = scene.wait_for("the revocation and its CRL", lambda: _listed(scene, former))
    scene.teller.line("backend", "publishes the CRL", f"serial {former['serial'][:12]}…: {revoked}")
    _never_again(scene)


def _never_again(scene: Scene) -> None:
    """Have a compromised key refused, whoever brings it."""
    ci, anna = scene.person("ci-shop"), scene.person("dev-anna")
    order = {"team_id": SHOP, "profile_id": PROFILE, "csr": csr_for("old.shop.test")}
    first = ci.post("/orders", order)
    scene.tell(ci, "requests old.shop.test with a CSR", first, "201: certificate and chain")
    wish = {"revocation_reason": "keyCompromise", "reason": "it was in a public repository"}
    anna.seen = max(anna.seen, ci.seen)
    told = anna.post(f"/certificates/{first.body['certificate_id']}/revoke", wish)
    scene.tell(anna, "revokes it: keyCompromise", told, "at once; nothing replaces it")
    scene.refused(ci, "brings the same key again", ci.post("/orders", order), "key-compromised")


def _listed(scene: Scene, certificate: dict[str, Any]) -> str | None:
    """Return the reason under which the served CRL lists a certificate; None while it does not."""
    leaf = x509.load_pem_x509_certificate(certificate["certificate"].encode())
    points = leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert points[0].full_name is not None
    with httpx2.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
        crl = x509.load_der_x509_crl(client.get(points[0].full_name[0].value).content)
    issuer = scene.person("adam").get(f"/issuers/{certificate['issuer_id']}").good().body["chain"][0]
    key = x509.load_pem_x509_certificate(issuer.encode()).public_key()
    if not isinstance(key, EllipticCurvePublicKey) or not crl.is_signature_valid(key):
        raise StoryError("the CRL is not signed by the issuer of the certificate")
    entry = crl.get_revoked_certificate_by_serial_number(leaf.serial_number)
    if entry is None:
        return None
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
    return f"{reason}, on CRL number {number}"

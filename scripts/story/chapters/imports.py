"""Chapter 10: a certificate that another authority made comes into the inventory, and is replaced from here."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scripts.story.place import StoryError
from scripts.story.scene import PROFILE, SHOP, WEB1, Scene

_ABOUT = (
    "What others made is managed, too: files of any kind, chains in any order, each with an owner. Nothing that a "
    "certificate names is fetched. Only its own authority can revoke it; before it ends it is replaced by one of ours."
)
_NAME = "legacy.shop.test"
_CRL = "http://crl.old-ca.test/old.crl"


def live(scene: Scene) -> None:
    """Import a chain that is the wrong way round; try to revoke it here; bring it once more."""
    scene.teller.chapter("10  Import", _ABOUT)
    anna = scene.person("dev-anna")
    target = {"host_id": WEB1, "spec": scene.server.target("www")}
    body = {"team_id": SHOP, "files": [{"name": "legacy.pem", "content": base64.b64encode(_chain()).decode()}]}
    answer = anna.post("/certificates/import", {**body, "profile_id": PROFILE, "targets": [target]})
    taken = [one for one in answer.good().body["items"] if one["taken"]]
    if [one["dns_names"] for one in taken] != [[_NAME]]:
        raise StoryError(f"one certificate was to be imported, and the system says {answer.body}")
    scene.tell(anna, "imports legacy.pem, authority first", answer, f"{_NAME}, of {taken[0]['issuer_name']}")
    certificate_id = taken[0]["certificate_id"]
    renewal = anna.items("/renewals", certificate=certificate_id)
    scene.teller.line("backend", "plans to replace it", f"due {renewal[0]['due_at'][:10]}, by profile web")
    refused = anna.post(f"/certificates/{certificate_id}/revoke", {"revocation_reason": "superseded"})
    if refused.is_good:
        raise StoryError("a foreign certificate was revoked here")
    scene.teller.line(anna.who, "tries to revoke it here", f"refused: {refused.refusal}", mood="no")
    again = anna.post("/certificates/import", body).good().body["items"]
    if any(one["taken"] for one in again):
        raise StoryError(f"a copy was imported: {again}")
    scene.teller.line(anna.who, "imports a copy", f"left out: {again[0]['rule']}", mood="no")


def _chain() -> bytes:
    """Return a chain of another authority as PEM, the authority first, the leaf last."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root, leaf = _name("Old CA"), _name(_NAME)
    ca = _builder(root, root, authority).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    point = x509.DistributionPoint([x509.UniformResourceIdentifier(_CRL)], None, None, None)
    end = (
        _builder(leaf, root, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .add_extension(x509.CRLDistributionPoints([point]), critical=False)
    )
    made = (one.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM) for one in (ca, end))
    return b"".join(made)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(days=30),
        not_valid_after=now + timedelta(days=335),
    )

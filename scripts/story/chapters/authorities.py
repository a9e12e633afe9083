"""Chapter 2: the certification authorities that ``sslclm init`` made, and where their keys are."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.x509 import load_pem_x509_certificate

from scripts.story import backend
from scripts.story.place import StoryError
from scripts.story.scene import Scene

_ABOUT = (
    "sslclm init has made the ledger and three authorities. Every use of the root's key was recorded before it signed; "
    "since then it is sealed under a passphrase that the running server does not have."
)


def live(scene: Scene) -> None:
    """Look at every authority."""
    scene.teller.chapter("2  Certification authorities", _ABOUT)
    adam = scene.person("adam")
    for row in sorted(adam.items("/issuers"), key=lambda one: int(one["created_position"])):
        _check(row, backend.root_sha256(scene.place))
        certificate = load_pem_x509_certificate(row["chain"][0].encode())
        where = "key sealed" if row["key_sealed"] else "in the key store"
        under = "own root" if len(row["chain"]) == 1 else "under the root"
        name = certificate.subject.rfc4514_string().split(",")[0]
        scene.teller.line("Adam", f"looks at {name}", f"EC P-256, {under}; {where}", row["created_position"])
    scene.teller.note(
        f"      The root's passphrase: {backend.passphrase(scene.place)} (belongs off the machine)", "dim"
    )
    scene.teller.note(f"      The key of the key store: {scene.place.kek} (outside of the data folder)", "dim")


def _check(row: dict[str, Any], root_sha256: str) -> None:
    """Hold the authorities to what is told of them."""
    certificate = load_pem_x509_certificate(row["chain"][0].encode())
    key = certificate.public_key()
    right = (
        isinstance(key, EllipticCurvePublicKey)
        and key.curve.name == "secp256r1"
        and row["key_sealed"] is (row["kind"] == "root")
        and (len(row["chain"]) == 1) is (row["kind"] != "issuing")
        and (row["kind"] != "root" or row["fingerprint"] == root_sha256)
    )
    if not right:
        raise StoryError(f"the authority {row['name']} is not what sslclm init was to make: {row}")

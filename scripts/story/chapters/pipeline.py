"""Chapter 6, continued: a pipeline brings its own CSR and has certificate and chain in the answer of one call."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from scripts.story.people import pipeline_token
from scripts.story.place import StoryError
from scripts.story.scene import PROFILE, SHOP, Scene

_CLIENT, _NAME = "ci-shop", "build.shop.test"


def live(scene: Scene) -> str:
    """Send one CSR with a token from client credentials; returns the certificate's id."""
    ci = scene.api(_CLIENT, pipeline_token(scene.place, _CLIENT))
    scene.teller.line(_CLIENT, "gets a token by client credentials", "for this API only")
    answer = ci.post("/orders", {"team_id": SHOP, "profile_id": PROFILE, "csr": csr_for(_NAME)}).good()
    _check(scene, answer.body["certificate"], answer.body["chain"])
    shown = f"{answer.status}: certificate and chain; they verify"
    scene.tell(ci, f"one call: POST /orders, CSR for {_NAME}", answer, shown)
    return str(answer.body["certificate_id"])


def csr_for(name: str) -> str:
    """Return a CSR of a fresh key for a name, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.DNSName(name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.add_extension(names, critical=True).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _check(scene: Scene, certificate: str, chain: list[str]) -> None:
    """Verify it as a TLS client would, under the internal root."""
    roots = x509.load_pem_x509_certificates(scene.place.ca_file.read_bytes())
    above = [x509.load_pem_x509_certificate(pem.encode()) for pem in chain]
    verifier = PolicyBuilder().store(Store(roots)).time(datetime.now(UTC)).build_server_verifier(x509.DNSName(_NAME))
    try:
        verifier.verify(x509.load_pem_x509_certificate(certificate.encode()), above)
    except VerificationError as error:
        raise StoryError(f"the pipeline's certificate does not verify: {error}") from error

"""Reading an issued certificate out of what a command came to."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate

from api.edge import Edge
from commands.base import Outcome
from domain.certificates.certificate import Certificate
from domain.errors import Unavailable
from domain.registry import read_event


def pem(der: bytes) -> str:
    """Return a certificate as PEM."""
    return load_der_x509_certificate(der).public_bytes(Encoding.PEM).decode()


def chain_of(edge: Edge, outcome: Outcome, *, otherwise: str) -> list[str]:
    """Return the issued certificate and what is above it, PEM, leaf first, a self-signed root left out only if above.

    Raises Unavailable where the issuance ended without a certificate; ``otherwise`` is what helps then.
    """
    started = issued = None
    for entry in outcome.entries:
        for stored in entry.events:
            if stored.topic in {Certificate.IssuanceStarted.TOPIC, Certificate.Issued.TOPIC}:
                event = stored.model or read_event(stored.topic, stored.state, stored.stream_id, stored.stream_version)
                started = event if isinstance(event, Certificate.IssuanceStarted) else started
                issued = event if isinstance(event, Certificate.Issued) else issued
    if started is None or issued is None:
        raise Unavailable("the certificate could not be signed", rule="signing-failed", fix=otherwise)
    above = edge.issuers.chain(started.issuer_id)
    return [pem(base64.b64decode(issued.certificate)), *(pem(der) for der in above)]

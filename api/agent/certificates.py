"""Reading an issued certificate out of what a command came to."""

from __future__ import annotations

from api.edge import Edge
from api.events import find_event
from api.pem import pem_from_base64, pem_from_der
from commands.base import Outcome
from domain.certificates.certificate import Certificate
from domain.errors import Unavailable


def chain_of(edge: Edge, outcome: Outcome, *, otherwise: str) -> list[str]:
    """Return the issued certificate and the authorities above it, PEM, leaf first, the root last.

    Raises Unavailable where the issuance ended without a certificate; ``otherwise`` is what helps then.
    """
    started = find_event(outcome, Certificate.IssuanceStarted)
    issued = find_event(outcome, Certificate.Issued)
    if started is None or issued is None:
        raise Unavailable("the certificate could not be signed", rule="signing-failed", fix=otherwise)
    return [pem_from_base64(issued.certificate), *map(pem_from_der, edge.issuers.chain(started.issuer_id))]

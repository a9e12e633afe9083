"""Certificates: the inventory, and chains as servers want them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.calls import POSITION, PageQuery, reading
from api.openapi import read
from api.pem import pem_from_base64
from api.shapes import Shape
from domain.base import Timestamp
from domain.certificates.certificate_state import Purpose
from domain.errors import WrongState
from domain.moments import microseconds
from projections.access.teams import TEAMS, TeamFilter
from projections.certificates.inventory import INVENTORY, InventoryFilter, InventoryRow, State
from projections.issuers.issuers import ISSUERS
from projections.query import every

ROUTER = APIRouter(prefix="/api/v1/certificates", tags=["certificates"])
CERTIFICATE = Shape("Certificate", InventoryRow, without=frozenset({"chain"}))
LISTED = Shape("ListedCertificate", InventoryRow, without=frozenset({"certificate", "chain"}))
CHAIN_TYPE = "application/pem-certificate-chain"


class CertificateQuery(PageQuery):
    """Which certificates; ``name`` is an exact DNS name or address, ``fingerprint`` the SHA-256 of the DER in hex."""

    team: str | None = None
    state: State | None = None
    name: str | None = Field(default=None, max_length=255)
    host: str | None = None
    profile: str | None = None
    issuer: str | None = None
    serial: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{1,40}$")
    fingerprint: str | None = Field(default=None, pattern=r"^[0-9A-Fa-f]{64}$")
    expiring_before: Timestamp | None = None
    purpose: Purpose | None = None
    unowned: bool = Field(
        default=False, description="only what nobody looks after: no grant for its team, or no contact"
    )


@ROUTER.get("", **read(LISTED.page))
async def certificates(request: Request, query: Annotated[CertificateQuery, Query()]) -> Response:
    """List the certificates that you may see, the newest first; with ``expiring_before`` the next to expire first."""
    call = await reading(request)
    before = query.expiring_before
    kept = every(call.edge.views, TEAMS, TeamFilter(kept=False)) if query.unowned else ()
    where = InventoryFilter(
        order="expiry" if before or query.unowned else "newest",
        team_ids=tuple(row["team_id"] for row in kept) if query.unowned else None,
        purpose=query.purpose,
        team_id=query.team,
        state=query.state,
        name=query.name.lower() if query.name else None,
        host_id=query.host,
        profile_id=query.profile,
        issuer_id=query.issuer,
        serial=query.serial.lower().lstrip("0") if query.serial else None,
        fingerprint=query.fingerprint.lower() if query.fingerprint else None,
        expires_before_us=microseconds(before) if before else None,
    )
    return call.page(INVENTORY, where, query, LISTED)


@ROUTER.get("/{certificate_id}", **read(CERTIFICATE.model, one=True))
async def certificate(request: Request, certificate_id: str) -> Response:
    """Show a certificate; ``certificate`` is its PEM, empty until it is issued."""
    return await (await reading(request)).show(INVENTORY, certificate_id, _with_pem)


@ROUTER.get("/{certificate_id}/chain", **read(None, media_type=CHAIN_TYPE))
async def chain(request: Request, certificate_id: str) -> Response:
    """Return the certificate and the authorities above it, leaf first, root left out (RFC 8555 section 9.1 format)."""
    call = await reading(request)
    call.without_parameters()
    row = await call.get(INVENTORY, certificate_id)
    if not row["certificate"]:
        what = "its bytes are not kept" if row["purpose"] == "imported" else "there is no certificate yet"
        raise WrongState(what, rule="not-issued", fix="wait until it is issued; of an imported one, ask its owner")
    issuer = call.edge.views.get(ISSUERS, row["issuer_id"])
    above = issuer["chain"][:-1] if issuer else map(pem_from_base64, row["chain"])
    text = pem_from_base64(row["certificate"]) + "".join(above)
    return Response(text, headers={POSITION: str(call.edge.views.position)}, media_type=CHAIN_TYPE)


def _with_pem(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = CERTIFICATE(row)
    shown["certificate"] = pem_from_base64(row["certificate"]) if row["certificate"] else ""
    return shown

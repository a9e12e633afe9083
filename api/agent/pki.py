"""CRLs and CA certificates over plain HTTP, as the certificates name them (RFC 5280 section 8, RFC 2585)."""

from __future__ import annotations

import base64
import ssl
from email.utils import format_datetime

from fastapi import APIRouter, Request, Response

from api.edge import Edge
from api.etags import has_already
from domain.errors import NotFound
from domain.moments import moment_of
from projections.issuers.issuers import ISSUERS, IssuerFilter, IssuerRow

_CERTIFICATE_AGE = 86_400
_CRL_AGE_AT_MOST = 3_600


def pki_routes(edge: Edge) -> APIRouter:
    """Return the routes of the plain listener."""
    router = APIRouter(tags=["pki"])

    @router.api_route("/aia/{slug}.cer", methods=["GET", "HEAD"], summary="A CA certificate (DER)")
    async def authority(slug: str, request: Request) -> Response:
        row = _issuer(edge, slug)
        der = ssl.PEM_cert_to_DER_cert(row["chain"][0])
        return _cacheable(request, der, "application/pkix-cert", row["fingerprint"], _CERTIFICATE_AGE)

    @router.api_route("/crl/{slug}/{shard}.crl", methods=["GET", "HEAD"], summary="The newest CRL (DER)")
    async def revocations(slug: str, shard: str, request: Request) -> Response:
        row = _issuer(edge, slug)
        if shard != "0" or not row["crl"]:
            raise NotFound("there is no such CRL", fix="the URL stands in the certificates")
        left = int((row["next_update_us"] or 0) / 1e6 - edge.clock().timestamp())
        age = max(0, min(left, _CRL_AGE_AT_MOST))
        response = _cacheable(request, base64.b64decode(row["crl"]), "application/pkix-crl", row["crl_sha256"], age)
        response.headers["Last-Modified"] = format_datetime(moment_of(row["this_update_us"] or 0), usegmt=True)
        return response

    return router


def _issuer(edge: Edge, slug: str) -> IssuerRow:
    rows = edge.views.find(ISSUERS, IssuerFilter(slug=slug), limit=1).rows
    if not rows:
        raise NotFound("there is no such authority", fix="the URL stands in the certificates")
    return rows[0]


def _cacheable(request: Request, body: bytes, media_type: str, digest: str, age: int) -> Response:
    tag = f'"{digest}"'
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={age}, no-transform, must-revalidate"}
    if has_already(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)

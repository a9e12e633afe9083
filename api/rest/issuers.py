"""Issuers: the certification authorities, with their chains and CRLs. The name of a key is nobody's business."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.calls import PageQuery, reading
from api.openapi import read
from api.shapes import Shape
from projections.issuers.issuers import ISSUERS, IssuerFilter, IssuerRow

ROUTER = APIRouter(prefix="/api/v1/issuers", tags=["issuers"])
ISSUER = Shape("Issuer", IssuerRow, without=frozenset({"key_id", "crl", "drawn", "crl_position"}))


class IssuerQuery(PageQuery):
    """Which authorities."""

    name: str | None = None
    kind: Literal["root", "issuing", "agents"] | None = None


@ROUTER.get("", **read(ISSUER.page))
async def issuers(request: Request, query: Annotated[IssuerQuery, Query()]) -> Response:
    """List the authorities."""
    where = IssuerFilter(name=query.name, kind=query.kind)
    return (await reading(request)).page(ISSUERS, where, query, ISSUER)


@ROUTER.get("/{issuer_id}", **read(ISSUER.model, one=True))
async def issuer(request: Request, issuer_id: str) -> Response:
    """Show an authority."""
    return await (await reading(request)).show(ISSUERS, issuer_id, ISSUER)

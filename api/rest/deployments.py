"""Deployments: one certificate on one target of one host."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.calls import PageQuery, Recorded, Why, commanding, reading
from api.openapi import command, read
from api.shapes import Shape
from commands.hosts.remove_deployment import RemoveDeployment
from commands.hosts.retry_deployment import RetryDeployment
from projections.hosts.deployments import DEPLOYMENTS, DeploymentFilter, DeploymentRow, State

ROUTER = APIRouter(prefix="/api/v1/deployments", tags=["hosts"])
DEPLOYMENT = Shape("Deployment", DeploymentRow)


class DeploymentQuery(PageQuery):
    """Which deployments."""

    state: State | None = None
    order: str | None = None
    certificate: str | None = None
    host: str | None = None
    team: str | None = None


@ROUTER.get("", **read(DEPLOYMENT.page))
async def deployments(request: Request, query: Annotated[DeploymentQuery, Query()]) -> Response:
    """List the deployments that you may see, the one that changed last first."""
    where = DeploymentFilter(
        state=query.state,
        order_id=query.order,
        certificate_id=query.certificate,
        host_id=query.host,
        team_id=query.team,
    )
    return (await reading(request)).page(DEPLOYMENTS, where, query, DEPLOYMENT)


@ROUTER.get("/{deployment_id}", **read(DEPLOYMENT.model, one=True))
async def deployment(request: Request, deployment_id: str) -> Response:
    """Show a deployment with what the handshakes on the host showed."""
    return await (await reading(request)).show(DEPLOYMENTS, deployment_id, DEPLOYMENT)


@ROUTER.post("/{deployment_id}/retry", **command({200: Recorded}, Why))
async def retry_deployment(request: Request, deployment_id: str) -> Response:
    """Ask for another attempt at a failed deployment."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(RetryDeployment(deployment_id=deployment_id), reason=why.reason)
    return call.recorded(outcome, deployment_id)


@ROUTER.post("/{deployment_id}/remove", **command({200: Recorded}, Why))
async def remove_deployment(request: Request, deployment_id: str) -> Response:
    """Ask the host to serve a revoked certificate no more; again where it refused before."""
    call = await commanding(request)
    why = await call.body(Why)
    outcome = await call.execute(RemoveDeployment(deployment_id=deployment_id), reason=why.reason)
    return call.recorded(outcome, deployment_id)

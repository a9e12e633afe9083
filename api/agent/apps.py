"""The two applications beside the people's: the agents' queue behind mutual TLS, and the plain PKI files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import BaseModel, Field

from api.agent.certificates import chain_of
from api.agent.enrolment import enrolment_routes
from api.agent.keys import key_routes
from api.agent.peers import agent_context
from api.agent.pki import pki_routes
from api.agent.results import Accepted, Result, accept_result
from api.agent.tasks import next_tasks, signed_task
from api.calls import Body
from api.edge import Edge
from api.problems import install_problem_handlers
from api.waiting import draining_of
from commands.access.permissions import authorise
from commands.base import Scope
from commands.hosts.enrol import RENEW_AFTER, RenewAgentIdentity
from commands.hosts.heartbeat import ReportHeartbeat
from domain.base import Timestamp

__all__ = ["agent_app", "enrolment_routes", "pki_app"]


class Tasks(BaseModel):
    """What the host is asked to do; each ``jws`` is a signed task."""

    tasks: list[dict[str, str]]


class NewKey(Body):
    """A CSR (PEM) for the agent's next key."""

    csr: Annotated[str, Field(max_length=65_536)]


class NewIdentity(BaseModel):
    """The agent's next client certificate."""

    certificate_chain: list[str]
    renew_after: Timestamp


class Heartbeat(Body):
    """What the agent says of itself."""

    agent_version: Annotated[str, Field(max_length=64)]
    state: Annotated[str, Field(pattern=r"^(ok|safe-mode)$")]
    detail: Annotated[str, Field(max_length=1_000)] = ""


def agent_app(edge: Edge) -> FastAPI:
    """Return the application of the agents' listener."""
    app = FastAPI(title="SSL-CLM agents", docs_url=None, redoc_url=None, openapi_url=None)
    install_problem_handlers(app, called=edge.metrics.called)
    app.include_router(_queue_routes(edge))
    app.include_router(key_routes(edge))
    app.include_router(_own_routes(edge))
    return app


def pki_app(edge: Edge) -> FastAPI:
    """Return the application of the plain listener: CRLs and CA certificates, nothing else."""
    app = FastAPI(title="SSL-CLM PKI", docs_url=None, redoc_url=None, openapi_url=None)
    install_problem_handlers(app)
    app.include_router(pki_routes(edge))
    return app


def _queue_routes(edge: Edge) -> APIRouter:
    router = APIRouter(prefix="/agent/v1")

    @router.get("/tasks")
    async def tasks(request: Request, wait: Annotated[float, Query(ge=0, le=30)] = 0) -> Tasks:
        context = await agent_context(edge, request)
        host_id = context.principal.host or ""
        authorise("agent.tasks", context.principal, Scope(host_id=host_id))
        rows = await next_tasks(edge, host_id, wait=wait, draining=draining_of(request))
        return Tasks(tasks=[signed_task(edge, row) for row in rows])

    @router.post("/tasks/{task_id}/result")
    async def result(task_id: str, body: Result, request: Request, response: Response) -> Accepted:
        accepted = await accept_result(edge, await agent_context(edge, request), task_id, body)
        response.headers["Ledger-Position"] = str(accepted.position)
        return accepted

    return router


def _own_routes(edge: Edge) -> APIRouter:
    router = APIRouter(prefix="/agent/v1")

    @router.post("/identity")
    async def identity(body: NewKey, request: Request) -> NewIdentity:
        context = await agent_context(edge, request)
        command = RenewAgentIdentity(host_id=context.principal.host or "", csr=body.csr)
        outcome = await edge.bus.execute(command, context)
        chain = chain_of(edge, outcome, otherwise="try again with another fresh key")
        return NewIdentity(certificate_chain=chain, renew_after=edge.clock() + RENEW_AFTER)

    @router.post("/heartbeat")
    async def heartbeat(body: Heartbeat, request: Request) -> dict[str, str]:
        context = await agent_context(edge, request)
        told = {"host_id": context.principal.host, **body.model_dump()}
        edge.presence.told(context.principal.host or "", **body.model_dump())
        await edge.bus.execute(ReportHeartbeat.model_validate(told), context)
        return {"state": body.state}

    return router

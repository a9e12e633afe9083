"""First contact of an agent, on the people's listener: the root certificate, and enrolment by a bootstrap token."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, ValidationError

from api.agent.bootstrap import read_token
from api.agent.certificates import chain_of
from api.attempts import Attempts
from api.calls import Body
from api.edge import Edge
from api.origin import origin_of
from commands.access.rights import agent
from commands.context import Context
from commands.hosts.enrol import RENEW_AFTER, EnrolAgent
from domain.base import Timestamp
from domain.errors import NotFound
from domain.hosts.host import unknown_token

_PER_MINUTE = 30


class Enrolment(Body):
    """What an agent sends: the whole bootstrap token, and a CSR (PEM) for its own fresh P-256 key."""

    token: Annotated[str, Field(max_length=2_048, repr=False)]
    csr: Annotated[str, Field(max_length=65_536)]
    agent_version: Annotated[str, Field(max_length=64)]
    platform: Annotated[str, Field(max_length=128)]


class Enrolled(BaseModel):
    """What it gets: its client certificate, whom to trust, where to ask for work, and whose tasks to believe."""

    host_id: str
    certificate_chain: list[str]
    server_ca: str
    agent_url: str
    task_keys: list[dict[str, str]]
    renew_after: Timestamp


def enrolment_routes(edge: Edge) -> APIRouter:
    """Return the two routes that need no client certificate."""
    router, attempts = APIRouter(tags=["agents"]), Attempts(_PER_MINUTE, what="enrolments", rule="enrolment-rate")

    @router.get("/.well-known/sslclm/ca.pem", summary="The internal root certificate")
    async def root_certificate() -> Response:
        return Response(edge.root_pem, media_type="application/x-pem-file")

    @router.post("/agent/v1/enrol", status_code=201, summary="Enrol an agent with a bootstrap token")
    async def enrol(body: Enrolment, request: Request) -> Enrolled:
        origin = origin_of(request)
        attempts.count(origin["client_address"], edge.clock())
        host_id, secret = read_token(body.token)
        context = Context(agent(host_id), purpose="enrolment", **origin)
        return await _enrol(edge, body, context, host_id, secret)

    return router


async def _enrol(edge: Edge, body: Enrolment, context: Context, host_id: str, secret: str) -> Enrolled:
    told = {"csr": body.csr, "agent_version": body.agent_version, "platform": body.platform}
    try:
        outcome = await edge.bus.execute(EnrolAgent(host_id=host_id, secret=secret, **told), context)
    except (NotFound, ValidationError) as unknown:
        raise unknown_token() from unknown
    chain = chain_of(edge, outcome, otherwise="this token is used up; ask for a new one: sslclm hosts token HOST")
    return Enrolled(
        host_id=host_id,
        certificate_chain=chain,
        server_ca=edge.root_pem.decode(),
        agent_url=edge.agent_url,
        task_keys=[dict(key) for key in edge.tasks.signer.public_keys()],
        renew_after=edge.clock() + RENEW_AFTER,
    )

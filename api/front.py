"""What is not the API: the front page, and the pages that problem documents point to."""

from __future__ import annotations

import logging
from html import escape

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from api.calls import reading
from api.edge import Edge
from api.pages import front_page, page, problems_page, stranger_page
from api.principals import COOKIE, identify
from api.problem_types import PROBLEM_TYPES
from api.safeguard import correlation_id
from commands.ports.health import Part
from domain.errors import ClmError, NotFound

LOG = logging.getLogger(__name__)
ROUTER = APIRouter(include_in_schema=False)


@ROUTER.get("/")
async def front(request: Request) -> Response:
    """Say who is signed in, or how to sign in."""
    edge: Edge = request.app.state.edge
    session = edge.identity.sessions.get(request.cookies.get(COOKIE, ""))
    if session is None or session.kind != "browser":
        return stranger_page(edge.identity.sign_in.providers())
    try:
        caller = await identify(edge, request)
        roles = sorted({held.role for held in caller.principal.held})
    except ClmError:
        roles = []
    return front_page(session.signed_in.display_name or "somebody", roles, session.csrf_token)


@ROUTER.get("/healthz")
async def alive() -> Response:
    """Say that this process answers."""
    return JSONResponse({"status": "ok"})


@ROUTER.get("/readyz")
async def ready(request: Request) -> Response:
    """Say whether this process can do its work now: 200, or 503 with the parts that cannot; why is in its log."""
    edge: Edge = request.app.state.edge
    parts = await run_in_threadpool(edge.health.parts)
    for part in parts:
        if part.detail:
            LOG.warning("%s: %s", part.name, part.detail)
    fit = all(part.ready for part in parts)
    told = {part.name: _word(part) for part in parts}
    return JSONResponse({"status": "ready" if fit else "not ready", "parts": told}, 200 if fit else 503)


def _word(part: Part) -> str:
    if not part.ready:
        return "failed"
    return "degraded" if part.detail else "ok"


@ROUTER.get("/metrics")
async def metrics(request: Request) -> Response:
    """Return the figures in Prometheus' text format, for whoever may watch everything."""
    call = await reading(request)
    call.without_parameters()
    figures, media_type = await run_in_threadpool(call.edge.metrics.exposition)
    return Response(figures, media_type=media_type)


@ROUTER.get("/problems")
async def problems() -> Response:
    """List the stable problem types."""
    return problems_page(PROBLEM_TYPES.items())


@ROUTER.get("/problems/{rule}")
async def problem(request: Request, rule: str) -> Response:
    """Explain one problem type."""
    if rule not in PROBLEM_TYPES:
        told = f"no such problem type (call {correlation_id(request.scope)})"
        raise NotFound(told, rule="problem-type", fix="see /problems")
    return page(rule, f"<p>{escape(PROBLEM_TYPES[rule])}</p>")

"""The people's and machines' application: ``/api/v1``, ``/auth``, and where agents enrol."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from api import auth, front
from api.agent.apps import enrolment_routes
from api.attempts import Attempts
from api.bulk import Bulk
from api.edge import Edge
from api.lean import lean_routes
from api.openapi import install_openapi
from api.problems import install_problem_handlers
from api.rest import (
    access,
    accesses,
    activity,
    audit,
    bulk,
    certificates,
    clock,
    deployments,
    hosts,
    imports,
    issuers,
    keys,
    notices,
    orders,
    policy,
    profiles,
    recovery,
    renewals,
    revocations,
    transfers,
)
from commands.access.refusals import Refusals

ROOMS = (
    orders, imports, certificates, renewals, revocations, access, profiles, policy, issuers, hosts, deployments,
    transfers, keys, notices, clock, recovery, audit, accesses, activity,
)  # fmt: skip

SIGN_INS_PER_MINUTE = 120
"""From one address: an office behind one router, and a command line that signs in now and then."""

_NO_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip
"""The framework would otherwise read the environment, and look for a tracer in every call."""


def people_app(edge: Edge) -> FastAPI:
    """Return the application of the people's listener. It serves no documentation pages: those need foreign scripts."""
    app = FastAPI(
        title="SSL-CLM",
        version="1",
        summary="Certificates and keys whose audit trail is the ledger they are stored in.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
    )
    app.state.edge = edge
    app.state.sign_ins = Attempts(SIGN_INS_PER_MINUTE, what="sign-ins", rule="sign-in-rate")
    app.state.refusals = Refusals(edge.bus.services)
    app.state.bulk = Bulk()
    app.state.verifying = asyncio.Semaphore(1)  # recomputing every hash takes a core: one auditor at a time
    install_problem_handlers(app, called=edge.metrics.called)
    for router in (bulk.ORDERS, bulk.CERTIFICATES, *(room.ROUTER for room in ROOMS)):
        app.include_router(router)
    app.include_router(auth.ROUTER)
    app.include_router(front.ROUTER)
    app.include_router(enrolment_routes(edge))
    app.router.routes[:0] = lean_routes(orders.LEAN)
    install_openapi(app, orders.LEAN)
    return app

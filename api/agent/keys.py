"""An agent fetches the key that its task installs: the file and its password by two calls, each authorised, once."""

from __future__ import annotations

import base64

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.agent.peers import agent_context
from api.edge import Edge
from commands.access.permissions import authorise
from commands.base import Scope
from commands.context import Context
from commands.keys.deliver import AuthoriseDelivery, deliver
from domain.errors import WrongState
from projections.hosts.queue import QUEUE, TaskRow


class DeliveredKey(BaseModel):
    """The key, its certificate and those above it as PKCS #12 (base64); its password is another call's answer."""

    pkcs12: str = Field(repr=False)


class KeyPassword(BaseModel):
    """The password of the file that was fetched last for this task; it is told once."""

    password: str = Field(repr=False)


def key_routes(edge: Edge) -> APIRouter:
    """Return the two routes by which a key of the key store reaches an agent."""
    router = APIRouter(prefix="/agent/v1")

    @router.post("/tasks/{task_id}/key")
    async def key(task_id: str, request: Request) -> DeliveredKey:
        context = await agent_context(edge, request)
        row = await _task(edge, context, task_id)
        command = AuthoriseDelivery(deployment_id=row["deployment_id"] or "", host_id=row["host_id"], task_id=task_id)
        package = await deliver(edge.bus, edge.keys.custody, command, context)
        edge.keys.handovers.keep(task_id, _holder(context), package.password)
        return DeliveredKey(pkcs12=base64.b64encode(package.pkcs12.reveal()).decode())

    @router.post("/tasks/{task_id}/key-password")
    async def key_password(task_id: str, request: Request) -> KeyPassword:
        context = await agent_context(edge, request)
        authorise("agent.fetch-key", context.principal, Scope(host_id=context.principal.host))
        password = edge.keys.handovers.take(task_id, _holder(context))
        if password is None:
            raise WrongState(
                "no password waits for this task: told already, too old, or lost in a restart",
                rule="key-password-gone",
                fix="fetch the key again",
            )
        return KeyPassword(password=password.reveal().decode())

    return router


async def _task(edge: Edge, context: Context, task_id: str) -> TaskRow:
    await edge.views.wait_for(edge.ledger.head().position)
    row = edge.views.get(QUEUE, task_id)
    if row is None or row["host_id"] != context.principal.host or not row["open"] or row["kind"] != "install":
        raise WrongState(
            "this task is not in the queue: reported already, or withdrawn",
            rule="task-gone",
            fix="forget it and ask for the queue again",
        )
    return row


def _holder(context: Context) -> str:
    """Return who may take a password: this host by this very key of its agent."""
    return f"{context.principal.host}:{context.principal.authentication.key_sha256}"

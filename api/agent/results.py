"""What agents report: a key that was made, an installation that is proven or failed, their own state."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from api.calls import Body
from api.edge import Edge
from api.events import find_event
from commands.certificates.report_key import ReportKey
from commands.context import Context
from commands.hosts.report_install import ReportInstall
from commands.hosts.report_removal import ReportRemoval
from domain.certificates.order import Order
from domain.errors import InvalidInput, WrongState
from domain.hosts.deployment import Evidence, Stage
from projections.hosts.queue import QUEUE, TaskRow

_SUCCESS = {"make-key": "done", "install": "served", "remove": "removed"}
_ENDS = "make-key: done with csr, or failed; install: served with evidence, or failed; remove: removed, or failed"
Text = Annotated[str, Field(max_length=1_000)]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Result(Body):
    """The result of a task.

    ``done`` brings a CSR, ``served`` evidence, ``removed`` evidence of what is served instead; ``failed`` where, why.
    """

    outcome: Literal["done", "served", "removed", "failed"]
    csr: Annotated[str, Field(max_length=65_536)] | None = None
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=64)] = ()
    previous: Fingerprint | None = None
    stage: Annotated[str, Field(max_length=64)] | None = None
    detail: Text = ""
    rolled_back: bool = False
    served_now: Fingerprint | None = None


class Accepted(BaseModel):
    """Where the report stands in the ledger; ``refused`` names the rule where a key could not be certified."""

    position: int
    refused: str | None = None


async def accept_result(edge: Edge, context: Context, task_id: str, result: Result) -> Accepted:
    """Record a result; raises WrongState (409) for a task that is not, or no longer, in the host's queue."""
    await edge.views.wait_for(edge.ledger.head().position)
    row = edge.views.get(QUEUE, task_id)
    own = row is not None and row["host_id"] == context.principal.host
    if row is None or not own or not (row["open"] or _came_too_late(row, result)):
        raise WrongState(
            "this task is not in the queue: reported already, or withdrawn",
            rule="task-gone",
            fix="forget it and ask for the queue again",
        )
    if result.outcome not in {_SUCCESS[row["kind"]], "failed"}:
        raise InvalidInput(f"a {row['kind']} task ends otherwise", rule="task-result", fix=_ENDS)
    if row["kind"] == "make-key":
        return await _key(edge, context, row, result)
    deploy = _remove if row["kind"] == "remove" else _install
    return await deploy(edge, context, row, result)


def _came_too_late(row: TaskRow, result: Result) -> bool:
    """Tell whether an installation was withdrawn while it was under way: what is served now is a fact all the same."""
    return row["kind"] == "install" and result.outcome == "served"


async def _key(edge: Edge, context: Context, row: TaskRow, result: Result) -> Accepted:
    if (result.csr is None) != (result.outcome == "failed"):
        raise InvalidInput("a key that was made comes with its CSR", rule="task-result", fix="send csr, or failed")
    command = ReportKey(
        order_id=row["order_id"],
        host_id=row["host_id"],
        generation=row["generation"] or 1,
        csr=result.csr,
    )
    why = f"{result.stage or 'unknown stage'}: {result.detail}" if result.csr is None else ""
    outcome = await edge.bus.execute(command, replace(context, reason=why))
    refused = find_event(outcome, Order.KeyRefused)
    return Accepted(position=outcome.position, refused=refused.rule if refused else None)


async def _install(edge: Edge, context: Context, row: TaskRow, result: Result) -> Accepted:
    command = ReportInstall.model_validate({**_reported(row, result), "previous": result.previous})
    outcome = await edge.bus.execute(command, context)
    return Accepted(position=outcome.position)


async def _remove(edge: Edge, context: Context, row: TaskRow, result: Result) -> Accepted:
    outcome = await edge.bus.execute(ReportRemoval.model_validate(_reported(row, result)), context)
    return Accepted(position=outcome.position)


def _reported(row: TaskRow, result: Result) -> dict[str, Any]:
    """Return what an installation and a removal report alike."""
    failed = result.outcome == "failed"
    return {
        "deployment_id": row["deployment_id"],
        "host_id": row["host_id"],
        "task_id": row["task_id"],
        "evidence": () if failed else result.evidence,
        "stage": _stage(result) if failed else None,
        "detail": result.detail,
        "rolled_back": result.rolled_back,
        "served_now": result.served_now,
    }


def _stage(result: Result) -> Stage:
    return next((stage for stage in get_args(Stage) if stage == result.stage), "interrupted")

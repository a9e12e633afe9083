"""The agents' queue: what each host is asked to do. It *is* what was decided less what was reported.

A row's key is the id of its task, which derives from what is asked for, so that the same wish is the same task. Rows
that are not ``open`` are kept because the same task may come back: an order that is not approved yet, a key whose
issuance may be reopened, an installation that failed and may be retried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypedDict

from domain.certificates.order import Order as OrderAggregate
from domain.hosts.deployment import Deployment, removal_id
from domain.hosts.host import Host
from domain.ids import derived_id
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on
from projections.query import Filter, Order, equals

TaskKind = Literal["make-key", "install", "remove"]


class TaskRow(TypedDict):
    """One task of one host.

    ``generation`` is the number of the key, from 1. ``make-key``: names and algorithm of the wanted certificate.
    ``install``: ``deployment_id``, ``certificate_id``, ``attempt`` (from 1) and ``target``, the JSON of a TargetSpec;
    certificate and chain are looked up when the task is delivered; ``windows_until_us``: from when on the target's
    windows do not count (None: they never do).
    ``remove``: as ``install``; its ``attempt`` counts removals. What the other kind has is None or empty.
    ``position``: of the event that opened or closed the task last.
    """

    task_id: str
    host_id: str
    kind: TaskKind
    open: bool
    order_id: str
    team_id: str
    profile_id: str | None
    profile_version: int | None
    generation: int
    dns_names: list[str]
    ip_addresses: list[str]
    common_name: str | None
    key_algorithm: str | None
    deployment_id: str | None
    certificate_id: str | None
    attempt: int | None
    target: dict[str, Any] | None
    windows_until_us: int | None
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFilter(Filter):
    """Which tasks; open ones, oldest first, unless said otherwise."""

    ORDERS: ClassVar[Mapping[str, Order]] = {"oldest": Order("position")}
    order: str = "oldest"
    host_id: str | None = equals("host_id")
    open: bool | None = equals("open", default=True)
    kind: str | None = equals("kind")
    order_id: str | None = equals("order_id")
    deployment_id: str | None = equals("deployment_id")


def make_key_id(order_id: str, host_id: str, generation: int) -> str:
    """Return the id of the task that asks a host for key number ``generation`` of an order."""
    return derived_id("task", order_id, host_id, "make-key", str(generation))


def install_id(deployment_id: str, attempt: int) -> str:
    """Return the id of the task that installs a deployment's certificate, ``attempt`` counts from 1."""
    return derived_id("task", deployment_id, str(attempt))


def _requested(rows: Rows[TaskRow], fact: Fact[OrderAggregate.Requested]) -> None:
    event = fact.event
    if event.csr_sha256 is not None or event.server_key:
        return
    for host_id in dict.fromkeys(target.host_id for target in event.targets):
        rows.add(
            TaskRow(
                task_id=make_key_id(fact.stream_id, host_id, 1),
                host_id=host_id,
                kind="make-key",
                open=False,
                order_id=fact.stream_id,
                team_id=event.team_id,
                profile_id=event.profile_id,
                profile_version=event.profile_version,
                generation=1,
                dns_names=list(event.subject.dns_names),
                ip_addresses=list(event.subject.ip_addresses),
                common_name=event.subject.common_name,
                key_algorithm=event.subject.key_algorithm,
                deployment_id=None,
                certificate_id=None,
                attempt=None,
                target=None,
                windows_until_us=None,
                position=fact.position,
            )
        )


def _keys_of(rows: Rows[TaskRow], order_id: str) -> tuple[TaskRow, ...]:
    return tuple(row for row in rows.having("order_id", order_id) if row["kind"] == "make-key")


def _approved(rows: Rows[TaskRow], fact: Fact[OrderAggregate.Approved]) -> None:
    for row in _keys_of(rows, fact.stream_id):
        rows.put({**row, "open": True, "position": fact.position})


def _order_ended(rows: Rows[TaskRow], fact: Fact[Any]) -> None:
    for row in _keys_of(rows, fact.stream_id):
        rows.delete(row["task_id"])


def _key_accepted(rows: Rows[TaskRow], fact: Fact[OrderAggregate.KeyAccepted]) -> None:
    if row := rows.get(make_key_id(fact.stream_id, fact.event.host_id, fact.event.generation)):
        rows.put({**row, "open": False, "position": fact.position})


def _key_refused(rows: Rows[TaskRow], fact: Fact[OrderAggregate.KeyRefused]) -> None:
    host_id, generation = fact.event.host_id, fact.event.generation
    if row := rows.get(make_key_id(fact.stream_id, host_id, generation - 1)):
        rows.delete(row["task_id"])
        following: TaskRow = {**row, "task_id": make_key_id(fact.stream_id, host_id, generation)}
        rows.add({**following, "generation": generation, "open": True, "position": fact.position})


def _reopened(rows: Rows[TaskRow], fact: Fact[OrderAggregate.IssuanceReopened]) -> None:
    for row in _keys_of(rows, fact.stream_id):
        if row["host_id"] == fact.event.host_id:
            rows.put({**row, "open": True, "position": fact.position})


def _deploying(event: Deployment.Planned | Deployment.RemovalPlanned, deployment_id: str, position: int) -> TaskRow:
    """Return the row of a deployment's task: an installation unless it is changed into a removal."""
    return TaskRow(
        task_id=install_id(deployment_id, 1),
        host_id=event.host_id,
        kind="install",
        open=True,
        order_id=event.order_id,
        team_id=event.team_id,
        profile_id=None,
        profile_version=None,
        generation=0,
        dns_names=[],
        ip_addresses=[],
        common_name=None,
        key_algorithm=None,
        deployment_id=deployment_id,
        certificate_id=event.certificate_id,
        attempt=1,
        target=event.target.model_dump(mode="json"),
        windows_until_us=None,
        position=position,
    )


def _planned(rows: Rows[TaskRow], fact: Fact[Deployment.Planned]) -> None:
    event = fact.event
    row: TaskRow = {**_deploying(event, fact.stream_id, fact.position), "generation": event.generation}
    until = event.windows_until
    rows.add({**row, "windows_until_us": microseconds(until) if until is not None else None})


def _removal_planned(rows: Rows[TaskRow], fact: Fact[Deployment.RemovalPlanned]) -> None:
    row, attempt = _deploying(fact.event, fact.stream_id, fact.position), fact.event.attempt
    rows.add({**row, "task_id": removal_id(fact.stream_id, attempt), "kind": "remove", "attempt": attempt})


def _ended(rows: Rows[TaskRow], fact: Fact[Any]) -> None:
    for row in rows.having("deployment_id", fact.stream_id):
        rows.delete(row["task_id"])


def _failed(rows: Rows[TaskRow], fact: Fact[Deployment.Failed]) -> None:
    for row in rows.having("deployment_id", fact.stream_id):
        rows.put({**row, "open": False, "position": fact.position})


def _retried(rows: Rows[TaskRow], fact: Fact[Deployment.Retried]) -> None:
    for row in rows.having("deployment_id", fact.stream_id):
        rows.delete(row["task_id"])
        following: TaskRow = {**row, "task_id": install_id(fact.stream_id, fact.event.attempt)}
        rows.add({**following, "attempt": fact.event.attempt, "open": True, "position": fact.position})


def _withdrawn(rows: Rows[TaskRow], fact: Fact[Deployment.Withdrawn]) -> None:
    for row in rows.having("deployment_id", fact.stream_id):
        rows.put({**row, "open": False, "position": fact.position})


def _disabled(rows: Rows[TaskRow], fact: Fact[Host.Disabled]) -> None:
    for row in rows.having("host_id", fact.stream_id):
        rows.delete(row["task_id"])


QUEUE: Projection[TaskRow] = Projection(
    name="queue",
    version=3,
    key="task_id",
    columns={
        "host_id": "text",
        "kind": "text",
        "open": "boolean",
        "order_id": "text",
        "team_id": "text",
        "deployment_id": "text",
        "position": "integer",
    },
    indexes=(("host_id", "open", "position"), ("open", "kind"), ("order_id",), ("deployment_id",), ("position",)),
    lookups=("host_id", "order_id", "deployment_id"),
    scope="team_id",
    wakes="host_id",
    folds=dict(
        (
            on(OrderAggregate.Requested, _requested),
            on(OrderAggregate.Approved, _approved),
            on(OrderAggregate.Rejected, _order_ended),
            on(OrderAggregate.Cancelled, _order_ended),
            on(OrderAggregate.Abandoned, _order_ended),
            on(OrderAggregate.Fulfilled, _order_ended),
            on(OrderAggregate.KeyAccepted, _key_accepted),
            on(OrderAggregate.KeyRefused, _key_refused),
            on(OrderAggregate.IssuanceReopened, _reopened),
            on(Deployment.Planned, _planned),
            on(Deployment.Served, _ended),
            on(Deployment.Failed, _failed),
            on(Deployment.Retried, _retried),
            on(Deployment.Overtaken, _ended),
            on(Deployment.Withdrawn, _withdrawn),
            on(Deployment.RemovalPlanned, _removal_planned),
            on(Deployment.Removed, _ended),
            on(Deployment.RemovalRefused, _ended),
            on(Host.Disabled, _disabled),
        )
    ),
)

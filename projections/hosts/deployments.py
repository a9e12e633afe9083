"""The deployments: one certificate on one target of one host, planned, served or failed, and what came after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, TypedDict

from domain.certificates.certificate import Certificate
from domain.hosts.deployment import Deployment, Stage
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on, touched
from projections.query import Filter, Order, any_of, equals

State = Literal[
    "planned", "served", "failed", "overtaken", "replaced", "withdrawn", "removing", "removed", "removal-refused"
]
"""As the aggregate's; ``replaced``: it was served, until another certificate was proven at the same place."""


class DeploymentRow(TypedDict):
    """One deployment, as its present attempt stands.

    ``target``: the JSON of a TargetSpec. ``evidence``: what the handshakes showed, JSON of Evidence. ``previous`` and
    ``served_now`` are what the agent told of the certificate before and after. ``stage`` and ``detail``: where and
    why it failed, or why it was not removed; ``detail`` is the agent's text, to be shown as text only.
    """

    deployment_id: str
    state: State
    order_id: str
    certificate_id: str
    host_id: str
    team_id: str
    directory: str
    place: str
    target: dict[str, Any]
    attempt: int
    evidence: list[dict[str, Any]]
    previous: str | None
    stage: Stage | None
    detail: str
    rolled_back: bool | None
    served_now: str | None
    planned_us: int
    created: int
    changed: int
    changed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFilter(Filter):
    """Which deployments; the one that changed last comes first."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "latest": Order("changed", descending=True),
        "newest": Order("created", descending=True),
    }
    order: str = "latest"
    state: str | None = equals("state")
    states: tuple[str, ...] | None = any_of("state")
    order_id: str | None = equals("order_id")
    certificate_id: str | None = equals("certificate_id")
    host_id: str | None = equals("host_id")
    team_id: str | None = equals("team_id")
    directory: str | None = equals("directory")


def _planned(rows: Rows[DeploymentRow], fact: Fact[Deployment.Planned]) -> None:
    event = fact.event
    at = microseconds(event.timestamp)
    rows.add(
        DeploymentRow(
            deployment_id=fact.stream_id,
            state="planned",
            order_id=event.order_id,
            certificate_id=event.certificate_id,
            host_id=event.host_id,
            team_id=event.team_id,
            directory=event.target.directory,
            place=f"{event.host_id} {event.target.directory}",
            target=event.target.model_dump(mode="json"),
            attempt=1,
            evidence=[],
            previous=None,
            stage=None,
            detail="",
            rolled_back=None,
            served_now=None,
            planned_us=at,
            created=fact.position,
            changed=fact.position,
            changed_us=at,
        )
    )


def _served(rows: Rows[DeploymentRow], fact: Fact[Deployment.Served]) -> None:
    if row := touched(rows, fact):
        evidence = [one.model_dump(mode="json") for one in fact.event.evidence]
        rows.put({**row, "state": "served", "evidence": evidence, "previous": fact.event.previous})
        for other in rows.having("place", row["place"]):
            if other["deployment_id"] != fact.stream_id:
                _replace(rows, other, fact)


def _failed(rows: Rows[DeploymentRow], fact: Fact[Deployment.Failed]) -> None:
    if row := touched(rows, fact):
        event = fact.event
        row = {**row, "stage": event.stage, "detail": event.detail, "rolled_back": event.rolled_back}
        rows.put({**row, "state": "failed", "served_now": event.served_now})


def _retried(rows: Rows[DeploymentRow], fact: Fact[Deployment.Retried]) -> None:
    if row := touched(rows, fact):
        row = {**row, "stage": None, "detail": "", "rolled_back": None, "served_now": None}
        rows.put({**row, "state": "planned", "attempt": fact.event.attempt})


def _moved(rows: Rows[DeploymentRow], fact: Fact[Certificate.OwnershipMoved]) -> None:
    for row in rows.having("certificate_id", fact.stream_id):
        rows.put({**row, "team_id": fact.event.team_id, "changed": fact.position})


def _overtaken(rows: Rows[DeploymentRow], fact: Fact[Deployment.Overtaken]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "overtaken"})


def _superseded(rows: Rows[DeploymentRow], fact: Fact[Certificate.Superseded]) -> None:
    for row in rows.having("certificate_id", fact.stream_id):
        _replace(rows, row, fact)


def _replace(rows: Rows[DeploymentRow], row: DeploymentRow, fact: Fact[Any]) -> None:
    if row["state"] == "served":
        at = microseconds(fact.event.timestamp)
        rows.put({**row, "state": "replaced", "changed": fact.position, "changed_us": at})


def _withdrawn(rows: Rows[DeploymentRow], fact: Fact[Deployment.Withdrawn]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "withdrawn"})


def _removing(rows: Rows[DeploymentRow], fact: Fact[Deployment.RemovalPlanned]) -> None:
    if row := touched(rows, fact):
        row = {**row, "stage": None, "detail": "", "rolled_back": None, "served_now": None}
        rows.put({**row, "state": "removing"})


def _removed(rows: Rows[DeploymentRow], fact: Fact[Deployment.Removed]) -> None:
    if row := touched(rows, fact):
        evidence = [one.model_dump(mode="json") for one in fact.event.evidence]
        rows.put({**row, "state": "removed", "evidence": evidence, "detail": fact.event.detail})


def _not_removed(rows: Rows[DeploymentRow], fact: Fact[Deployment.RemovalRefused]) -> None:
    if row := touched(rows, fact):
        event = fact.event
        row = {**row, "stage": event.stage, "detail": event.detail, "rolled_back": event.rolled_back}
        rows.put({**row, "state": "removal-refused", "served_now": event.served_now})


DEPLOYMENTS: Projection[DeploymentRow] = Projection(
    name="deployments",
    version=2,
    key="deployment_id",
    columns={
        "state": "text",
        "order_id": "text",
        "certificate_id": "text",
        "host_id": "text",
        "team_id": "text",
        "directory": "text",
        "place": "text",
        "created": "integer",
        "changed": "integer",
    },
    indexes=(
        ("place",),
        ("order_id",),
        ("certificate_id",),
        ("host_id", "changed"),
        ("team_id", "changed"),
        ("changed",),
        ("created",),
    ),
    lookups=("place", "certificate_id"),
    scope="team_id",
    folds=dict(
        (
            on(Deployment.Planned, _planned),
            on(Deployment.Served, _served),
            on(Deployment.Failed, _failed),
            on(Deployment.Retried, _retried),
            on(Certificate.OwnershipMoved, _moved),
            on(Deployment.Overtaken, _overtaken),
            on(Certificate.Superseded, _superseded),
            on(Deployment.Withdrawn, _withdrawn),
            on(Deployment.RemovalPlanned, _removing),
            on(Deployment.Removed, _removed),
            on(Deployment.RemovalRefused, _not_removed),
        )
    ),
)

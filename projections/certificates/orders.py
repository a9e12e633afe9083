"""The orders: what was asked for, who decided, how far it has come.

What waits for an approval is ``OrderFilter(state="waiting")``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, TypedDict

from domain.certificates.decision import State
from domain.certificates.order import Cause
from domain.certificates.order import Order as OrderAggregate
from domain.hosts.deployment import Deployment
from domain.hosts.deployment import State as DeploymentState
from domain.moments import microseconds
from projections.base import Fact, Projection, Rows, on, touched
from projections.query import Filter, Order, equals, holds


class OrderProgress(TypedDict):
    """How far an order has come.

    ``approvers`` and ``rejecter`` are pseudonyms. ``certificates``: host id (empty: the caller's own CSR) ->
    certificate id; ``refused_rules``: host id -> the rule that its last refused key broke; ``deployments``:
    deployment id -> state. ``replaces``: the certificates whose place the order's take, and ``cause`` why.
    """

    state: State
    approvers: list[str]
    approved_by: str | None
    approved_until_us: int | None
    rejecter: str | None
    certificates: dict[str, str]
    refused_rules: dict[str, str]
    deployments: dict[str, DeploymentState]
    deployment_ids: list[str]
    replaces: list[str]
    cause: Cause | None


class OrderRow(OrderProgress):
    """One order.

    ``subject`` and ``targets`` are the JSON of ``domain.certificates.order``'s Subject and Target; ``request_sha256``
    is what an approval has to name. ``requester`` is a pseudonym. ``created``, ``changed``: ledger positions.
    """

    order_id: str
    team_id: str
    profile_id: str
    profile_version: int
    requester: str
    subject: dict[str, Any]
    targets: list[dict[str, Any]]
    host_ids: list[str]
    csr_sha256: str | None
    server_key: bool
    waived_rules: list[str]
    request_sha256: str
    approvals_needed: int
    requested_us: int
    created: int
    changed: int
    changed_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter(Filter):
    """Which orders."""

    ORDERS: ClassVar[Mapping[str, Order]] = {
        "newest": Order("created", descending=True),
        "oldest": Order("created"),
    }
    order: str = "newest"
    state: str | None = equals("state")
    team_id: str | None = equals("team_id")
    profile_id: str | None = equals("profile_id")
    requester: str | None = equals("requester")
    host_id: str | None = holds("host_ids")
    server_key: bool | None = equals("server_key")


def _requested(rows: Rows[OrderRow], fact: Fact[OrderAggregate.Requested]) -> None:
    event = fact.event
    at = microseconds(event.timestamp)
    rows.add(
        {
            **_untouched(),
            "order_id": fact.stream_id,
            "team_id": event.team_id,
            "profile_id": event.profile_id,
            "profile_version": event.profile_version,
            "requester": event.requester,
            "subject": event.subject.model_dump(mode="json"),
            "targets": [target.model_dump(mode="json") for target in event.targets],
            "host_ids": list(dict.fromkeys(target.host_id for target in event.targets)),
            "csr_sha256": event.csr_sha256,
            "server_key": event.server_key,
            "waived_rules": list(event.waived_rules),
            "request_sha256": sha256(fact.state).hexdigest(),
            "approvals_needed": event.approvals_needed,
            "requested_us": at,
            "created": fact.position,
            "changed": fact.position,
            "changed_us": at,
        }
    )


def _replaces(rows: Rows[OrderRow], fact: Fact[OrderAggregate.ReplacementIntended]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "replaces": list(fact.event.certificate_ids), "cause": fact.event.cause})


def _untouched() -> OrderProgress:
    return OrderProgress(
        state="waiting",
        approvers=[],
        approved_by=None,
        approved_until_us=None,
        rejecter=None,
        certificates={},
        refused_rules={},
        deployments={},
        deployment_ids=[],
        replaces=[],
        cause=None,
    )


def _approval_given(rows: Rows[OrderRow], fact: Fact[OrderAggregate.ApprovalGiven]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "approvers": [*row["approvers"], fact.event.approver]})


def _approved(rows: Rows[OrderRow], fact: Fact[OrderAggregate.Approved]) -> None:
    if row := touched(rows, fact):
        until = microseconds(fact.event.valid_until)
        rows.put({**row, "state": "approved", "approved_by": fact.event.by, "approved_until_us": until})


def _rejected(rows: Rows[OrderRow], fact: Fact[OrderAggregate.Rejected]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "rejected", "rejecter": fact.event.rejecter})


def _cancelled(rows: Rows[OrderRow], fact: Fact[OrderAggregate.Cancelled]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "cancelled"})


def _key_accepted(rows: Rows[OrderRow], fact: Fact[OrderAggregate.KeyAccepted]) -> None:
    if row := touched(rows, fact):
        certificates = {**row["certificates"], fact.event.host_id: fact.event.certificate_id}
        rows.put({**row, "certificates": certificates})


def _key_refused(rows: Rows[OrderRow], fact: Fact[OrderAggregate.KeyRefused]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "refused_rules": {**row["refused_rules"], fact.event.host_id: fact.event.rule}})


def _reopened(rows: Rows[OrderRow], fact: Fact[OrderAggregate.IssuanceReopened]) -> None:
    if row := touched(rows, fact):
        kept = {host: made for host, made in row["certificates"].items() if host != fact.event.host_id}
        rows.put({**row, "certificates": kept})


def _abandoned(rows: Rows[OrderRow], fact: Fact[OrderAggregate.Abandoned]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "abandoned"})


def _fulfilled(rows: Rows[OrderRow], fact: Fact[OrderAggregate.Fulfilled]) -> None:
    if row := touched(rows, fact):
        rows.put({**row, "state": "fulfilled"})


def _planned(rows: Rows[OrderRow], fact: Fact[Deployment.Planned]) -> None:
    if row := rows.get(fact.event.order_id):
        deployments: dict[str, DeploymentState] = {**row["deployments"], fact.stream_id: "planned"}
        rows.put({**row, "deployments": deployments, "deployment_ids": list(deployments), "changed": fact.position})


def _deployment_is(state: DeploymentState, rows: Rows[OrderRow], fact: Fact[Any]) -> None:
    for row in rows.having("deployment_ids", fact.stream_id):
        rows.put({**row, "deployments": {**row["deployments"], fact.stream_id: state}, "changed": fact.position})


def _served(rows: Rows[OrderRow], fact: Fact[Deployment.Served]) -> None:
    _deployment_is("served", rows, fact)


def _failed(rows: Rows[OrderRow], fact: Fact[Deployment.Failed]) -> None:
    _deployment_is("failed", rows, fact)


def _overtaken(rows: Rows[OrderRow], fact: Fact[Deployment.Overtaken]) -> None:
    _deployment_is("overtaken", rows, fact)


def _retried(rows: Rows[OrderRow], fact: Fact[Deployment.Retried]) -> None:
    _deployment_is("planned", rows, fact)


ORDERS: Projection[OrderRow] = Projection(
    name="orders",
    version=3,
    key="order_id",
    columns={
        "state": "text",
        "team_id": "text",
        "profile_id": "text",
        "requester": "text",
        "server_key": "boolean",
        "created": "integer",
    },
    many={"host_ids": ("host_ids",), "deployment_ids": ("deployment_ids",)},
    indexes=(("team_id", "created"), ("state", "created"), ("server_key", "state", "created"), ("created",)),
    lookups=("deployment_ids",),
    scope="team_id",
    folds=dict(
        (
            on(OrderAggregate.Requested, _requested),
            on(OrderAggregate.ApprovalGiven, _approval_given),
            on(OrderAggregate.Approved, _approved),
            on(OrderAggregate.Rejected, _rejected),
            on(OrderAggregate.Cancelled, _cancelled),
            on(OrderAggregate.KeyAccepted, _key_accepted),
            on(OrderAggregate.KeyRefused, _key_refused),
            on(OrderAggregate.IssuanceReopened, _reopened),
            on(OrderAggregate.Abandoned, _abandoned),
            on(OrderAggregate.Fulfilled, _fulfilled),
            on(Deployment.Planned, _planned),
            on(Deployment.Served, _served),
            on(Deployment.Failed, _failed),
            on(Deployment.Retried, _retried),
            on(Deployment.Overtaken, _overtaken),
            on(OrderAggregate.ReplacementIntended, _replaces),
        )
    ),
)

"""Policy: the rules of a day, and what they say of a request before it is made."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from api.calls import Body, PageQuery, reading
from api.openapi import read, reads
from api.shapes import Shape
from commands.access.permissions import OutOfScope
from commands.base import Scope
from commands.certificates.request import RequestCertificate
from commands.profiles.explain import Explanation, explain_request
from domain.moments import microseconds
from domain.profiles.facts import Rule
from domain.profiles.policy import Said, in_force
from projections.profiles.breaches import BREACHES, BreachFilter, BreachRow, State

ROUTER = APIRouter(prefix="/api/v1/policy", tags=["policy"])
BREACH = Shape("Breach", BreachRow)


class PolicyRule(BaseModel):
    """One dated rule. ``until``: from this day on a stricter rule takes its place; null: no such day is known.

    ``binds``: requests only, certificates issued while it is in force, or every living certificate from its day on.
    """

    rule: str
    citation: str
    effective: date
    until: date | None
    binds: Literal["requests", "issued", "living"]
    waivable: bool = Field(description="a person may decide otherwise")
    fix: str


class RuleVerdict(PolicyRule):
    """What one rule says of the request; ``message`` is empty where nothing is wrong."""

    verdict: Said
    message: str


class Rules(BaseModel):
    """The rules in force on a day (UTC)."""

    on: date
    items: list[PolicyRule]


class PolicyExplanation(BaseModel):
    """What would come of the request now, and what every rule says to it."""

    outcome: Literal["conforms", "waits", "refused"]
    on: date
    profile_id: str
    profile_version: int
    dns_names: list[str]
    ip_addresses: list[str]
    common_name: str | None
    key_algorithm: str | None
    validity: int = Field(description="seconds, both ends inclusive")
    rules: list[RuleVerdict]


class RulesQuery(Body):
    """Which day; without one, today."""

    on: date | None = None


class BreachQuery(PageQuery):
    """Which breaches; without ``state`` the open ones, of certificates that have not expired."""

    team: str | None = None
    rule: str | None = Field(default=None, max_length=64)
    certificate: str | None = None
    state: State = "open"


@ROUTER.get("/breaches", **read(BREACH.page))
async def breaches(request: Request, query: Annotated[BreachQuery, Query()]) -> Response:
    """List which living certificate breaks which rule that is in force, the newest finding first."""
    call = await reading(request)
    where = BreachFilter(
        state=query.state,
        team_id=query.team,
        rule=query.rule,
        certificate_id=query.certificate,
        alive_at_us=microseconds(call.edge.clock()) if query.state == "open" else None,
    )
    return call.page(BREACHES, where, query, BREACH)


@ROUTER.get("/rules", **read(Rules))
async def rules(request: Request, query: Annotated[RulesQuery, Query()]) -> Response:
    """List the rules that are in force on a day."""
    call = await reading(request)
    day = query.on or call.edge.clock().date()
    return _json(Rules(on=day, items=[PolicyRule(**_shown(rule)) for rule in in_force(day)]))


@ROUTER.post("/explain", **read(PolicyExplanation) | {"openapi_extra": reads(RequestCertificate)})
async def explain(request: Request) -> Response:
    """Tell what would come of this request now, rule by rule; nothing is recorded and nothing changes."""
    call = await reading(request)
    wish = await call.body(RequestCertificate)
    try:
        found = explain_request(call.edge.bus.services, call.context, wish)
    except OutOfScope as refusal:
        await call.refused(refusal, Scope(wish.team_id, wish.profile_id))
        raise
    return _json(_explained(found))


def _explained(found: Explanation) -> PolicyExplanation:
    subject = found.subject
    return PolicyExplanation(
        outcome=found.outcome,
        on=found.on,
        profile_id=found.profile_id,
        profile_version=found.profile_version,
        dns_names=list(subject.dns_names),
        ip_addresses=list(subject.ip_addresses),
        common_name=subject.common_name,
        key_algorithm=subject.key_algorithm,
        validity=subject.validity,
        rules=[RuleVerdict(**_shown(one.rule), verdict=one.said, message=one.message) for one in found.verdicts],
    )


def _shown(rule: Rule) -> dict[str, object]:
    return {
        "rule": rule.name,
        "citation": rule.citation,
        "effective": rule.effective,
        "until": rule.until,
        "binds": rule.binds.value,
        "waivable": rule.waivable,
        "fix": rule.fix,
    }


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")

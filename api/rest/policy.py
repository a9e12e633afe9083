"""Policy: the rules of a day, and what they say of a request before it is made."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, Field

from api.calls import Body, PageQuery, reading
from api.openapi import read, reads
from api.shapes import Shape
from commands.access.permissions import OutOfScope
from commands.base import Scope
from commands.certificates.request import RequestCertificate
from commands.profiles.explain import Explanation, explain_request
from commands.profiles.preview import Broken, Kind
from commands.profiles.preview import preview as ahead
from domain.moments import microseconds
from domain.profiles.facts import Rule
from domain.profiles.policy import Said, in_force, next_change
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


class PreviewQuery(PageQuery):
    """Which day, today or later; without one, the next on which a rule begins.

    ``limit`` is the number of certificates that one page looks at.
    """

    on: date | None = None
    team: str | None = None


class WillBreak(BaseModel):
    """One thing that a rule will break on the day.

    ``profile``: what the profile promises is not issued any more; ``in-use``: the certificate still lives then and
    breaks the rule; ``renewal``: its first renewal from that day on, ``when``, is refused or waits for a person.
    """

    kind: Kind
    outcome: Literal["refused", "waits"]
    rule: str
    message: str
    fix: str
    citation: str
    teams: list[str]
    names: list[str]
    when: date
    profile_id: str | None
    certificate_id: str | None


class PolicyPreview(BaseModel):
    """What is broken among ``examined`` certificates; ``next_cursor`` asks for the next ones, null at the end."""

    on: date
    items: list[WillBreak]
    examined: int
    next_cursor: str | None
    position: int


@ROUTER.get("/preview", **read(PolicyPreview))
async def preview(request: Request, query: Annotated[PreviewQuery, Query()]) -> Response:
    """Tell what a day to come will break, for whom; a page of certificates at a time, the next to expire first."""
    call = await reading(request)
    day = query.on or next_change(call.edge.clock().date())
    look = partial(ahead, call.edge.bus.services, call.edge.living, day, cursor=query.cursor, limit=query.limit)
    page = await run_in_threadpool(look, teams=_teams(call.team_ids, query.team))
    items = [_will_break(one) for one in page.items]
    told = PolicyPreview(
        on=page.on, items=items, examined=page.examined, next_cursor=page.next_cursor, position=page.position
    )
    return _json(told)


def _teams(seen: tuple[str, ...] | None, asked: str | None) -> tuple[str, ...] | None:
    """Return whose certificates are looked at; a team that the caller may not see has none."""
    if asked is None:
        return seen
    return (asked,) if seen is None or asked in seen else ()


def _will_break(one: Broken) -> WillBreak:
    violation = one.violation
    return WillBreak(
        kind=one.kind,
        outcome="waits" if violation.waivable else "refused",
        rule=violation.rule,
        message=violation.message,
        fix=violation.fix,
        citation=violation.citation,
        teams=list(one.teams),
        names=list(one.names),
        when=one.when,
        profile_id=one.profile_id,
        certificate_id=one.certificate_id,
    )


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

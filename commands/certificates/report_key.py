"""An agent reports the key it made: its CSR is checked against the order and certified, or refused with the rule."""

from __future__ import annotations

from pydantic import Field

from commands.base import Command, Scope, UseCase
from commands.certificates.certify import certify, still_allowed
from commands.certificates.renewing import follow
from commands.work import Work
from domain.certificates.csr import read_csr
from domain.certificates.order import Order
from domain.errors import InvalidInput, NotFound, PolicyRefused, WrongState
from domain.hosts.host import Host


class ReportKey(Command):
    """The result of a make-key task: a CSR (PEM); None where the agent failed, which the call's reason explains."""

    order_id: str
    host_id: str
    generation: int = Field(ge=1, le=1_000)
    csr: str | None = Field(default=None, max_length=65_536)


def scope(command: ReportKey, work: Work) -> Scope:
    """Aim at the agent's own host, and only where the order has a target on it."""
    order = work.load(Order, command.order_id)
    if command.host_id not in order.hosts() or order.server_key:
        raise NotFound("there is no such task", fix="ask for the queue again")
    return Scope(order.team_id, command.order_id, command.host_id)


def handle(command: ReportKey, work: Work) -> None:
    """Certify the key; a CSR that breaks a rule is refused on the record and the next generation is asked for."""
    order = work.load(Order, command.order_id)
    if order.expire(host_id=command.host_id, at=work.now):
        follow(work, order)
        return
    order.must_be_ready(command.host_id, at=work.now)
    work.refer(Host, command.host_id).must_be_active()
    if command.generation != order.generation(command.host_id):
        raise WrongState("another key is asked for by now", rule="key-generation", fix="ask for the queue again")
    if command.csr is None:
        _refuse(work, order, command.host_id, "agent-could-not")
        return
    try:
        csr = read_csr(command.csr.encode())
        certify(work, order, still_allowed(work, order), csr, host_id=command.host_id)
    except (InvalidInput, PolicyRefused) as broken:
        _refuse(work, order, command.host_id, broken.rule)


def _refuse(work: Work, order: Order, host_id: str, rule: str) -> None:
    order.refuse_key(host_id=host_id, rule=rule, at=work.now)
    follow(work, order)


REPORT_KEY = UseCase("agent.report-key", scope, handle)

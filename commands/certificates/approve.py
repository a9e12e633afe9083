"""Approve a waiting order: a second person, bound to exactly what they saw."""

from __future__ import annotations

from pydantic import Field

from commands.base import UseCase
from commands.certificates.certify import still_allowed
from commands.certificates.on_order import OrderCommand, certify_brought_key, scope
from commands.certificates.renewing import follow
from commands.hosts.rollout import withdraw
from commands.work import Work
from domain.certificates.order import Order


class ApproveOrder(OrderCommand):
    """Approve the request whose hash the approver read; the order may need more approvals than one."""

    request_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


def handle(command: ApproveOrder, work: Work) -> None:
    """Judge it by the rules of today, give the approval; with the last one a brought key is certified at once."""
    order = work.load(Order, command.order_id)
    still_allowed(work, order)
    order.approve(approver=work.context.principal.pseudonym, request_sha256=command.request_sha256, at=work.now)
    if order.state == "approved":
        follow(work, order)
        withdraw(work, order)
    certify_brought_key(work, order)


APPROVE_ORDER = UseCase("orders.approve", scope, handle)

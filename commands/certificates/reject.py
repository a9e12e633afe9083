"""Reject a waiting order, with a reason."""

from __future__ import annotations

from commands.base import UseCase
from commands.certificates.on_order import OrderCommand, scope
from commands.certificates.renewing import follow
from commands.work import Work
from domain.certificates.order import Order
from domain.errors import InvalidInput


class RejectOrder(OrderCommand):
    """Reject one order; the reason travels in the context, since it is erasable."""


def handle(command: RejectOrder, work: Work) -> None:
    """Say no."""
    if not work.context.reason:
        raise InvalidInput("a rejection needs a reason", rule="reason-missing", fix="say why")
    order = work.load(Order, command.order_id)
    order.reject(rejecter=work.context.principal.pseudonym, at=work.now)
    follow(work, order)


REJECT_ORDER = UseCase("orders.reject", scope, handle)

"""Cancel an order while nothing is issued under it."""

from __future__ import annotations

from commands.base import UseCase
from commands.certificates.on_order import OrderCommand, scope
from commands.certificates.renewing import follow
from commands.work import Work
from domain.certificates.order import Order


class CancelOrder(OrderCommand):
    """Cancel one order."""


def handle(command: CancelOrder, work: Work) -> None:
    """Cancel it."""
    order = work.load(Order, command.order_id)
    order.cancel(at=work.now)
    follow(work, order)


CANCEL_ORDER = UseCase("orders.cancel", scope, handle)

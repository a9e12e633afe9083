"""Cancel an order while nothing is issued under it."""

from __future__ import annotations

from commands.base import UseCase
from commands.certificates.on_order import OrderCommand, scope
from commands.work import Work
from domain.certificates.order import Order


class CancelOrder(OrderCommand):
    """Cancel one order."""


def handle(command: CancelOrder, work: Work) -> None:
    """Cancel it."""
    work.load(Order, command.order_id).cancel(at=work.now)


CANCEL_ORDER = UseCase("orders.cancel", scope, handle)

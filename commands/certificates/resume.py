"""Resume an order whose issuance ended without a certificate: the same key, a fresh serial."""

from __future__ import annotations

from commands.base import UseCase
from commands.certificates.on_order import OrderCommand, certify_brought_key, scope
from commands.work import Work
from domain.certificates.order import Order
from domain.errors import WrongState


class ResumeOrder(OrderCommand):
    """Certify the brought CSR once more."""


def handle(command: ResumeOrder, work: Work) -> None:
    """Certify it; an order whose hosts make the keys resumes by itself, through their task queues."""
    order = work.load(Order, command.order_id)
    if order.csr is None:
        raise WrongState("the order's hosts make its keys", rule="order-resume", fix="its agents resume by themselves")
    order.must_be_ready("", at=work.now)
    certify_brought_key(work, order)


RESUME_ORDER = UseCase("orders.resume", scope, handle)

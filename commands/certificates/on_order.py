"""What every command on an existing order shares: it is aimed at the order's team."""

from __future__ import annotations

import base64

from commands.base import Command, Scope
from commands.certificates.certify import certify, still_allowed
from commands.work import Work
from domain.certificates.csr import read_csr
from domain.certificates.order import Order


class OrderCommand(Command):
    """A command on one order."""

    order_id: str


def scope(command: OrderCommand, work: Work) -> Scope:
    """Aim at the team that owns the order."""
    return Scope(work.load(Order, command.order_id).team_id, command.order_id)


def certify_brought_key(work: Work, order: Order) -> None:
    """Certify the CSR that the caller brought with an order, if there is one and the order is approved."""
    if order.state == "approved" and order.csr is not None:
        profile = still_allowed(work, order)
        certify(work, order, profile, read_csr(base64.b64decode(order.csr)), host_id="")

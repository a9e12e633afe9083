"""The decision on an order: policy approves it, or people do, who are not its requester, of exactly what they saw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from domain.base import Aggregate, Event, Timestamp
from domain.errors import Denied, WrongState
from domain.second_person import Asked

State = Literal["waiting", "approved", "rejected", "cancelled", "abandoned", "fulfilled"]

WAITS_AT_MOST = timedelta(days=30)
"""How long a request waits for people."""
APPROVAL_GOOD_FOR = timedelta(days=7)
"""How long after the approval keys are certified under it."""


class Decidable(Aggregate):
    """The part of an order's life in which it is decided on."""

    def __init__(self) -> None:
        self.state: State = "waiting"
        self.requester = ""
        self.request_sha256 = ""
        self.approvals_needed = 1
        self.approvers: tuple[str, ...] = ()
        self.approved_until: datetime | None = None

    class ApprovalGiven(Event):
        """One person approved exactly the request with this hash."""

        TOPIC: ClassVar[str] = "sslclm.order.approval-given.v1"
        approver: str
        request_sha256: str

        def apply(self, order: Decidable) -> None:
            order.approvers = (*order.approvers, self.approver)

    class Approved(Event):
        """Enough has approved it, policy or people; good until ``valid_until``."""

        TOPIC: ClassVar[str] = "sslclm.order.approved.v1"
        by: Literal["policy", "people"]
        request_sha256: str
        valid_until: Timestamp

        def apply(self, order: Decidable) -> None:
            order.state, order.approved_until = "approved", self.valid_until

    class Rejected(Event):
        """A person said no; the reason stands in the entry's erasable details."""

        TOPIC: ClassVar[str] = "sslclm.order.rejected.v1"
        rejecter: str

        def apply(self, order: Decidable) -> None:
            order.state = "rejected"

    def approve_by_policy(self, *, at: datetime) -> None:
        """Approve at once: the request lies inside the profile and the requester's team."""
        self._must_be("waiting")
        self._approved("policy", at)

    def approve(self, *, approver: str, request_sha256: str, at: datetime) -> None:
        """Give one person's approval of exactly the request they saw; never the requester, never twice."""
        self._must_be("waiting")
        asked = Asked("order", self.requester, self.request_sha256, self.created_on, WAITS_AT_MOST)
        asked.must_be_approvable(approver=approver, request_sha256=request_sha256, at=at)
        if approver in self.approvers:
            raise Denied("one person approves once", rule="four-eyes", fix="ask another person")
        self.record(self.ApprovalGiven, at=at, approver=approver, request_sha256=request_sha256)
        if len(self.approvers) >= self.approvals_needed:
            self._approved("people", at)

    def _approved(self, by: Literal["policy", "people"], at: datetime) -> None:
        self.record(self.Approved, at=at, by=by, request_sha256=self.request_sha256, valid_until=at + APPROVAL_GOOD_FOR)

    def reject(self, *, rejecter: str, at: datetime) -> None:
        """Say no."""
        self._must_be("waiting")
        if rejecter == self.requester:
            raise Denied("nobody decides on their own request", rule="four-eyes", fix="cancel it instead")
        self.record(self.Rejected, at=at, rejecter=rejecter)

    def _must_be(self, state: State) -> None:
        if self.state != state:
            raise WrongState(f"the order is {self.state}, not {state}", rule="order-state", fix="look at the order")

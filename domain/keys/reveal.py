"""A reveal: one person is to see one private key, with a second person's approval, once, within minutes."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from domain import base
from domain.base import Aggregate, Event, Timestamp
from domain.errors import Denied, WrongState
from domain.second_person import Asked

State = Literal["waiting", "approved", "rejected", "authorised"]
Form = Literal["aes-256", "legacy-3des"]
"""How a PKCS #12 file is encrypted: PBES2 with AES-256-CBC (RFC 8018), or the dated exception for old Java."""

WAITS_AT_MOST = timedelta(hours=24)
"""How long a request waits for its second person."""
REDEEM_WITHIN = timedelta(minutes=15)
"""How long an approval is good."""


def act_of(reveal_id: str) -> str:
    """Return the name of the one act that a step-up for this reveal is bound to."""
    return f"reveal:{reveal_id}"


class Reveal(Aggregate):
    """One wish to see a key: waiting, then approved or rejected, then authorised, once. Nothing else follows."""

    def __init__(self) -> None:
        self.state: State = "waiting"
        self.key_id = ""
        self.certificate_id = ""
        self.team_id = ""
        self.requester = ""
        self.request_sha256 = ""
        self.approver = ""
        self.approved_until: datetime | None = None
        self.form: Form = "aes-256"

    class Requested(base.Created):
        """Who wants to see which key, owned by which team then; the reason stands in the entry's erasable details."""

        TOPIC: ClassVar[str] = "sslclm.reveal.requested.v1"
        key_id: str
        certificate_id: str
        spki_sha256: str
        team_id: str | None
        requester: str

        def apply(self, reveal: Reveal) -> None:
            reveal.key_id, reveal.certificate_id = self.key_id, self.certificate_id
            reveal.team_id, reveal.requester = self.team_id or "", self.requester
            reveal.request_sha256 = hashlib.sha256(self.state()).hexdigest()

    class Approved(Event):
        """A second person approved exactly the request with this hash; good until ``valid_until``."""

        TOPIC: ClassVar[str] = "sslclm.reveal.approved.v1"
        approver: str
        request_sha256: str
        valid_until: Timestamp

        def apply(self, reveal: Reveal) -> None:
            reveal.state, reveal.approver, reveal.approved_until = "approved", self.approver, self.valid_until

    class Rejected(Event):
        """Somebody said no, or the requester does not want it any more; why stands in the erasable details."""

        TOPIC: ClassVar[str] = "sslclm.reveal.rejected.v1"
        rejecter: str

        def apply(self, reveal: Reveal) -> None:
            reveal.state = "rejected"

    class Authorised(Event):
        """The requester may see the key now; stored before a byte of it leaves, so from here on it counts as seen."""

        TOPIC: ClassVar[str] = "sslclm.reveal.authorised.v1"
        key_id: str
        certificate_id: str
        request_sha256: str
        form: Form

        def apply(self, reveal: Reveal) -> None:
            reveal.state, reveal.form = "authorised", self.form

    @classmethod
    def request(
        cls,
        *,
        stream_id: str,
        key_id: str,
        certificate_id: str,
        spki_sha256: str,
        team_id: str | None,
        requester: str,
        at: datetime,
    ) -> Reveal:
        """Ask to see a key."""
        return cls.begin(
            cls.Requested,
            stream_id=stream_id,
            at=at,
            key_id=key_id,
            certificate_id=certificate_id,
            spki_sha256=spki_sha256,
            team_id=team_id,
            requester=requester,
        )

    def approve(self, *, approver: str, request_sha256: str, at: datetime) -> None:
        """Give the second person's approval of exactly what they read; never the requester."""
        self._must_be("waiting")
        asked = Asked("reveal", self.requester, self.request_sha256, self.created_on, WAITS_AT_MOST)
        asked.must_be_approvable(approver=approver, request_sha256=request_sha256, at=at)
        until = at + REDEEM_WITHIN
        self.record(self.Approved, at=at, approver=approver, request_sha256=request_sha256, valid_until=until)

    def reject(self, *, rejecter: str, at: datetime) -> None:
        """Say no, before or after the approval; the requester may take it back, too."""
        if self.state not in {"waiting", "approved"}:
            raise WrongState(f"the reveal is {self.state}", rule="reveal-state", fix="look at its history")
        self.record(self.Rejected, at=at, rejecter=rejecter)

    def must_be_redeemable(self, *, by: str, at: datetime) -> None:
        """Raise unless this is the requester, with an approval that is good and unused."""
        if by != self.requester:
            raise Denied("a reveal is redeemed by whoever requested it", rule="reveal-person", fix="request your own")
        if self.state == "authorised":
            raise WrongState("the reveal has been used", rule="reveal-used", fix="request another one")
        self._must_be("approved")
        if self.approved_until is None or at > self.approved_until:
            raise WrongState("the approval has expired", rule="approval-expired", fix="request another one")

    def redeem(self, *, by: str, form: Form, at: datetime) -> None:
        """Use the approval up; the caller lets the key go only once this is stored."""
        self.must_be_redeemable(by=by, at=at)
        self.record(
            self.Authorised,
            at=at,
            key_id=self.key_id,
            certificate_id=self.certificate_id,
            request_sha256=self.request_sha256,
            form=form,
        )

    def _must_be(self, state: State) -> None:
        if self.state != state:
            raise WrongState(f"the reveal is {self.state}, not {state}", rule="reveal-state", fix="look at its history")

"""The rule of four eyes: a second person approves exactly what they read, in time, and it is never the requester."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.errors import Denied, WrongState
from domain.moments import in_words


@dataclass(frozen=True, slots=True)
class Asked:
    """What waits for a second person: ``what`` it is called, who asked when, and for how long it waits.

    ``request_sha256``: of the stored request, which an approval has to name.
    """

    what: str
    requester: str
    request_sha256: str
    at: datetime
    waits: timedelta

    def must_be_approvable(self, *, approver: str, request_sha256: str, at: datetime) -> None:
        """Raise WrongState where it is too late or not what was read, Denied for the requester."""
        if at > self.at + self.waits:
            told = f"nobody decided for {in_words(int(self.waits.total_seconds()))}"
            raise WrongState(told, rule="request-expired", fix="reject it, and request again")
        if request_sha256 != self.request_sha256:
            raise WrongState(
                "the request is not the one that was looked at",
                rule="approval-binding",
                fix=f"read the {self.what} again and approve its request_sha256",
            )
        if approver == self.requester:
            raise Denied("nobody approves their own request", rule="four-eyes", fix="ask a second person")

"""Ask policy about a request before it is made: every rule with its verdict; nothing is recorded, nothing changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from commands.access.permissions import authorise
from commands.base import Scope, Services
from commands.certificates.judging import facts_of
from commands.certificates.request import RequestCertificate, read_wish
from commands.context import Context
from commands.work import Work
from domain.certificates.wish import Subject
from domain.profiles.policy import Verdict, explain

EXPLAIN = "policy.explain"
"""The action: whoever may request for a team may ask about a request for it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would come of a request on a day; ``verdicts`` has every rule, in the order of the policy."""

    on: date
    profile_id: str
    profile_version: int
    subject: Subject
    verdicts: tuple[Verdict, ...]

    @property
    def outcome(self) -> Literal["conforms", "waits", "refused"]:
        """Approved by policy, waiting for a person, or refused whoever asks."""
        said = {verdict.said for verdict in self.verdicts}
        if "refuses" in said:
            return "refused"
        return "waits" if "waits" in said else "conforms"


def explain_request(services: Services, context: Context, wish: RequestCertificate) -> Explanation:
    """Return every rule's verdict on a request as it would be judged now.

    Raises what the request itself would before policy is asked: Denied, NotFound, InvalidInput, WrongState.
    """
    authorise(EXPLAIN, context.principal, Scope(wish.team_id, wish.profile_id))
    work = Work(services, context)
    wished = read_wish(wish, work)
    facts = facts_of(work, wished.profile, wished.subject, wished.asked)
    return Explanation(facts.on, wished.profile.id, wished.profile.number, wished.subject, explain(facts))

"""What the chapters share: the place, the processes, the people who are signed in, and looking things up."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from domain.access.team import Team
from domain.hosts.host import Host
from domain.issuers.issuer import Issuer
from domain.profiles.profile import Profile
from scripts.story.calls import Answer, Api
from scripts.story.people import SHORT
from scripts.story.place import Place, StoryError
from scripts.story.processes import Processes
from scripts.story.tell import Teller
from scripts.story.webserver import HOST, WebServer

SHOP, PAY = Team.id_for("shop"), Team.id_for("pay")
PROFILE = Profile.id_for("web")
ISSUING = Issuer.id_for("issuing")
WEB1, DB1 = Host.id_for(HOST), Host.id_for("db1.pay.test")
DAY_S = 86_400
_DEADLINE_S = 60.0
_PAUSE_S = 0.03
T = TypeVar("T")


@dataclass
class Scene:
    """One run of the story. ``deployed``: site -> certificate id, as the system says it."""

    place: Place
    teller: Teller
    processes: Processes
    server: WebServer
    people: dict[str, Api] = field(default_factory=dict)
    deployed: dict[str, str] = field(default_factory=dict)

    def person(self, persona: str) -> Api:
        """Return the API as a persona who is signed in."""
        return self.people[persona]

    def api(self, persona: str, token: str) -> Api:
        """Return, and remember, the API as somebody with a token."""
        self.people[persona] = Api(SHORT.get(persona, persona), self.place, self.teller, token)
        return self.people[persona]

    def tell(self, who: Api, what: str, answer: Answer, shown: str) -> None:
        """Tell an act that succeeded. Raises StoryError where it did not."""
        self.teller.line(who.who, what, shown, answer.good().position)

    def refused(self, who: Api, what: str, answer: Answer, rule: str) -> None:
        """Tell an act that was refused as it should be, with the position of the refusal. Raises StoryError else."""
        if answer.is_good or answer.body.get("rule") != rule:
            raise StoryError(
                f"{what}: the system was to refuse by {rule}, and answered {answer.status} {answer.body}{answer.where}"
            )
        self.teller.line(who.who, what, f"refused: {answer.refusal}", self._newest_refusal(), mood="no")

    def _newest_refusal(self) -> int:
        """Return the position of the newest refusal; it is in the ledger before the answer is sent."""
        vera = self.person("vera")
        seen = self.ledger_head()
        vera.seen = max(vera.seen, seen)
        found = vera.items("/audit/events", topic="sslclm.access.refused", limit=1)
        return int(found[0]["position"])

    def ledger_head(self) -> int:
        """Return the ledger's last position, as its verdict tells it to an auditor."""
        return int(self.person("vera").get("/audit/verify").good().body["events"])

    def wait_for(self, what: str, look: Callable[[], T | None]) -> T:
        """Look until there is something. Raises StoryError after a minute."""
        end = time.monotonic() + _DEADLINE_S
        while (found := look()) is None:
            if time.monotonic() > end:
                raise StoryError(f"waited {_DEADLINE_S:g} s in vain: {what}; see {self.place.logs}")
            time.sleep(_PAUSE_S)
        return found

    def history(self, object_id: str) -> list[dict[str, Any]]:
        """Return an object's history, the oldest event first, as an auditor reads it."""
        return self.person("vera").items(f"/audit/objects/{object_id}", limit=100)

"""Refusals are facts: who was refused what, by which rule; no flood of them fills the ledger."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from commands.base import Command, Scope, Services
from commands.context import Context
from commands.envelope import envelope
from commands.ports.ledger import EntryDraft
from commands.work import Work
from domain.access.refusal import Refusal
from domain.errors import ClmError

PER_WINDOW = 20
WINDOW = timedelta(minutes=1)
_PRINCIPALS_AT_MOST = 10_000
_ID = re.compile(r"[a-z]+-[0-9a-f-]{36}")


class RefusedAct(Command):
    """What was refused, as the ledger tells it."""

    action: str
    rule: str


class Refusals:
    """Writes refusals: at most :data:`PER_WINDOW` a minute for each principal and rule, the rest is only answered."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._seen: dict[tuple[str, str], tuple[datetime, int]] = {}

    async def note(self, action: str, refusal: ClmError, scope: Scope, context: Context) -> None:
        """Record one refusal."""
        if not self._within_limit(context.principal.pseudonym, refusal.rule):
            return
        work = Work(self._services, context)
        work.add(
            Refusal.refuse(
                stream_id=work.new_id("refusal"),
                action=action,
                rule=refusal.rule,
                object_id=_plain_id(scope.object_id),
                team_id=_plain_id(scope.team_id),
                at=work.now,
            )
        )
        command = RefusedAct(action=action, rule=refusal.rule)
        held = next(iter(context.principal.held), None)
        head = envelope(command, action, context.without_key(), held, self._services.random_bytes)
        await self._services.ledger.append(EntryDraft(tuple(work.drafts()), head.metadata, head.details))

    def _within_limit(self, principal: str, rule: str) -> bool:
        now = self._services.clock()
        since, count = self._seen.get((principal, rule), (now, 0))
        if now - since > WINDOW:
            since, count = now, 0
        if len(self._seen) > _PRINCIPALS_AT_MOST:
            self._seen.clear()
        self._seen[principal, rule] = (since, count + 1)
        return count < PER_WINDOW


def _plain_id(text: str | None) -> str | None:
    """Return what may be an id; a refused caller writes nothing else into the ledger, and nothing too long for it."""
    return text if text is not None and _ID.fullmatch(text) else None

"""The one way in: authorise, decide, append, and only then the second step.

A refused act changes nothing but leaves its own event. A conflict in the ledger is decided again from a fresh load, up
to five times. An idempotency key answers a repeated call from what its entry says.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from commands.access.permissions import OutOfScope, authorise, fitting_roles
from commands.access.refusals import Refusals
from commands.base import Append, Command, HandlerTable, Outcome, Scope, Services, Then, UseCase
from commands.context import Context, Held, Role
from commands.envelope import envelope, idempotency_hash, request_hash
from commands.ports.ledger import (
    DuplicateIdempotencyKey,
    Entry,
    EntryDraft,
    LedgerError,
    LedgerUnavailable,
    OutcomeUnknown,
    StreamConflict,
)
from commands.work import Work
from domain.base import Aggregate
from domain.errors import AlreadyExists, ClmError, Denied, IdempotencyMismatch, PolicyRefused, Unavailable

ATTEMPTS = 5
_SHARED_AT_MOST = 1_000


@dataclass(frozen=True, slots=True)
class _Step:
    """One use case on its way: the same for every attempt."""

    command: Command
    use_case: UseCase
    context: Context
    internal: bool
    warm: dict[str, Aggregate]
    append: Append


class Bus:
    """Executes commands by the table of handlers; ``services`` are the ports they use."""

    def __init__(self, services: Services, handlers: HandlerTable) -> None:
        self.services = services
        self._handlers = handlers
        self._refusals = Refusals(services)
        self._shared: dict[str, Aggregate] = {}

    async def execute(self, command: Command, context: Context, *, append: Append | None = None) -> Outcome:
        """Run a command to its end; raises :class:`domain.errors.ClmError` with nothing changed.

        ``append`` stands in for the ledger's own where commands go together (:class:`commands.together.Together`).
        """
        append = append or self.services.ledger.append
        step = _Step(command, self._handlers[type(command)], context, internal=False, warm={}, append=append)
        self.services.gate.executing(step.use_case.action)
        try:
            outcome, work = await self._attempts(step)
        except ClmError as refusal:
            known = self._known(step)
            if known is not None:
                return self._replay(command, context, known)
            await self._note_refusal(step, refusal)
            raise
        return await self._second_step(outcome, work, step)

    async def rehearse(self, command: Command, context: Context) -> None:
        """Decide about a command as :meth:`execute` does now, and store nothing but a refusal."""
        append = self.services.ledger.append
        step = _Step(command, self._handlers[type(command)], context, internal=False, warm={}, append=append)
        work = Work(self.services, context)
        try:
            fitting_roles(step.use_case.action, context.principal)
            authorise(step.use_case.action, context.principal, step.use_case.scope(command, work))
            step.use_case.handle(command, work)
        except ClmError as refusal:
            await self._note_refusal(step, refusal)
            raise

    async def _attempts(self, step: _Step) -> tuple[Outcome, Work]:
        fresh = False
        for _ in range(ATTEMPTS):
            warm, shared = ({}, {}) if fresh else (step.warm, self._shared)
            work = Work(self.services, step.context, warm=warm, shared=shared)
            try:
                return await self._attempt(step, work), work
            except DuplicateIdempotencyKey as duplicate:
                return self._replay(step.command, step.context, duplicate.entry), work
            except StreamConflict:
                fresh = True
                self._shared.clear()
            except (LedgerUnavailable, OutcomeUnknown) as cause:
                raise _away(cause) from cause
            except ClmError:
                if fresh or not work.unchanged:
                    raise
                fresh = True  # a cached reference may be stale: decide once more from the ledger itself
                self._shared.clear()
        raise AlreadyExists("others kept changing the same object", rule="conflict", fix="look at it and try again")

    async def _attempt(self, step: _Step, work: Work) -> Outcome:
        if not step.internal:
            fitting_roles(step.use_case.action, step.context.principal)  # before anything is looked up for them
        if step.use_case.caught_up:
            await self.services.reading.caught_up(self.services.ledger.head().position)
        scope = step.use_case.scope(step.command, work)
        held = Held(Role.SYSTEM) if step.internal else authorise(step.use_case.action, step.context.principal, scope)
        step.use_case.handle(step.command, work)
        if len(self._shared) > _SHARED_AT_MOST:
            self._shared.clear()
        events = tuple(work.drafts())
        if not events:
            return Outcome()
        if held.grant is not None:
            work.unchanged[held.grant] = 1
        for event in events:
            work.unchanged.pop(event.stream_id, None)
        head = envelope(step.command, step.use_case.action, step.context, held, self.services.random_bytes)
        draft = EntryDraft(events, head.metadata, head.details, head.idempotency, work.unchanged)
        entry = await step.append(draft)
        return Outcome((entry,), secret=work.secret)

    async def _second_step(self, outcome: Outcome, work: Work, first: _Step) -> Outcome:
        then: Then | None = work.then
        if then is None or outcome.replayed or not outcome.entries:
            return outcome
        command = await then()
        key = f"{outcome.entries[0].first_position}:{type(command).__name__}"
        use_case, context = self._handlers[type(command)], first.context.internal(key)
        step = _Step(command, use_case, context, internal=True, warm=work.changed, append=first.append)
        try:
            following, _ = await self._attempts(step)
        except Unavailable as away:
            raise Unavailable(
                "the act is recorded, what came of it is not: it ends as failed within minutes",
                rule="half-recorded",
                fix="repeat the call with the same idempotency key, and look at what it names",
            ) from away
        return Outcome((*outcome.entries, *following.entries), secret=outcome.secret)

    def _known(self, step: _Step) -> Entry | None:
        """Return the entry that a repeated call is answered from; whoever has lost the right gets none."""
        key = idempotency_hash(step.context)
        entry = self.services.ledger.entry_by_key(key) if key else None
        if entry is None:
            return None
        try:
            authorise(step.use_case.action, step.context.principal, self._aim(step))
        except ClmError:
            return None
        return entry

    def _replay(self, command: Command, context: Context, entry: Entry) -> Outcome:
        if json.loads(entry.metadata).get("request_sha256") != request_hash(command):
            raise IdempotencyMismatch(
                "the idempotency key was used for another request", fix="use a fresh key for every new request"
            )
        entries = [entry]
        for name in self._second_steps():
            key = idempotency_hash(context.internal(f"{entry.first_position}:{name}"))
            second = self.services.ledger.entry_by_key(key) if key else None
            entries += [second] if second else []
        return Outcome(tuple(entries), replayed=True)

    def _second_steps(self) -> list[str]:
        return [kind.__name__ for kind, row in self._handlers.items() if row.second_step]

    async def _note_refusal(self, step: _Step, refusal: ClmError) -> None:
        if not step.use_case.refuses or not isinstance(refusal, Denied | PolicyRefused | OutOfScope):
            return
        await self._refusals.note(step.use_case.action, refusal, self._aim(step), step.context)

    def _aim(self, step: _Step) -> Scope:
        try:
            return step.use_case.scope(step.command, Work(self.services, step.context))
        except ClmError:
            return Scope()


def _away(cause: LedgerError) -> Unavailable:
    if isinstance(cause, OutcomeUnknown):
        return Unavailable(
            "the ledger went away while it took this: it may be recorded, or not",
            rule="outcome-unknown",
            fix="repeat the call with the same idempotency key: it is done once, and answered as it was done",
        )
    return Unavailable(
        "the ledger takes no entries now; nothing was changed",
        rule="ledger-unavailable",
        fix="try again later; the backend's log says why",
    )
